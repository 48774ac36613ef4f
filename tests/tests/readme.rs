//! Row 35: the README's example about stores, which its doc test only compiles, does what it says.

/// As it stands in the README.
mod example {
    include!("../support/readme_stores.rs");

    pub(super) fn run() -> Result<(), memo::Error> {
        main()
    }
}

#[test]
fn the_example_about_stores_runs() {
    let text = include_str!("../support/readme_stores.rs");
    assert!(include_str!("../../README.md").contains(text), "the README has another text");
    // Its paths are relative. This is the only test of its process.
    let dir = tempfile::tempdir().expect("a directory");
    std::env::set_current_dir(dir.path()).expect("it is there");
    for _ in 0..2 {
        example::run().expect("a new store, and one that is there");
    }
    assert!(dir.path().join("cache.db").is_file() && dir.path().join("cache").is_dir());
    std::env::set_current_dir(std::env::temp_dir()).expect("it is there");
}
