//! Row 34; promise 6: the program that is built in two versions.
//!
//! `program STORE FUNCTION COMMAND NUMBER`: does one thing to a function whose entries live in the folder `STORE`, and
//! prints what came of it. Before and after the change it is the same; `functions.rs` and `types.rs` are not.

#![allow(unused_doc_comments, reason = "what documents nothing does not count either")]

mod functions;
mod types;

use std::{
    env,
    error::Error,
    sync::atomic::{AtomicBool, Ordering},
};

static RAN: AtomicBool = AtomicBool::new(false);

/// Every body says that it runs.
pub fn runs() {
    RAN.store(true, Ordering::Relaxed);
}

macro_rules! act {
    ($name:expr, $command:expr, $number:expr, $($function:ident)*) => {
        match ($name, $command) {
            $(
                (stringify!($function), "call") => {
                    let value = functions::$function($number);
                    let how = if RAN.load(Ordering::Relaxed) { "ran" } else { "kept" };
                    println!("{how} {value:?}");
                }
                (stringify!($function), "get") => println!("{:?}", memo::cache_get!(functions::$function($number))),
                (stringify!($function), "delete") => println!("{}", memo::cache_delete!(functions::$function($number))?),
                (stringify!($function), "clear") => println!("{}", memo::cache_clear(functions::$function)?.removed()),
                (stringify!($function), "count") => println!("{}", memo::cache_len(functions::$function)?),
            )*
            (_, "clear_tag") => println!("{}", memo::clear_tag("numbers")?.removed()),
            (name, command) => Err(format!("nothing is known of `{command}` on `{name}`"))?,
        }
    };
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().collect();
    let [_, store, function, command, number] = &*arguments else {
        return Err("expected: STORE FUNCTION COMMAND NUMBER".into());
    };
    // The functions name their store relative to it.
    env::set_current_dir(store)?;
    act!(
        &**function, &**command, number.parse()?,
        same layout helper options said_auto pinned_body pinned_key
        body parameter_name parameter_type return_type key own_version pinned_number pinned_field
        swapped_fields renamed_field field_type nested_field swapped_variants tagged
    );
    Ok(())
}
