//! Values that are made up for leaves. The first are those that most types take; the later ones please some that validate.

pub(super) fn integer(number: usize) -> u8 {
    const INTEGERS: [u8; 8] = [1, 0, 2, 10, 12, 50, 100, 127];
    INTEGERS[number % INTEGERS.len()]
}

pub(super) fn char(number: usize) -> char {
    const CHARS: [char; 4] = ['a', '1', 'A', ' '];
    CHARS[number % CHARS.len()]
}

pub(super) fn text(number: usize) -> &'static str {
    const TEXTS: [&str; 24] = [
        "a",
        "",
        "1",
        "a@example.com",
        "https://example.com/",
        "00000000-0000-4000-8000-000000000000",
        "2000-01-01T00:00:00Z",
        "2000-01-01T00:00:00",
        "2000-01-01",
        "00:00:00",
        "127.0.0.1",
        "::1",
        "127.0.0.1:80",
        "true",
        "1.0.0",
        "1.5",
        "#000000",
        "00000000000000000000000000000000",
        "/",
        "en-US",
        "EUR",
        "UTC",
        "+15550100",
        "AAAA",
    ];
    TEXTS[number % TEXTS.len()]
}

pub(super) fn bytes(number: usize) -> &'static [u8] {
    const LENGTHS: [usize; 8] = [0, 16, 32, 4, 8, 12, 20, 64];
    &[0; 64][..LENGTHS[number % LENGTHS.len()]]
}
