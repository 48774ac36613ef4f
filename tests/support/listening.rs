//! What is heard of a store that others change.

use std::{
    sync::{Arc, mpsc},
    time::Duration,
};

use memo::backend::{Backend, Change, Heard, Item, Listening};

/// Listens, and gives what is heard as text.
///
/// # Panics
/// If the store can't tell.
pub fn listen(store: &dyn Backend) -> (Listening, mpsc::Receiver<String>) {
    let (say, heard) = mpsc::channel();
    let ear = move |news: Heard<'_>| {
        let text = match news {
            Heard::Ready => "ready".to_owned(),
            Heard::Lost => "lost".to_owned(),
            Heard::Changed(key) => format!("changed {}", String::from_utf8_lossy(key)),
            Heard::Tagged(prefix, tag) => format!("tagged {} {tag}", String::from_utf8_lossy(prefix)),
        };
        say.send(text).ok();
    };
    (store.listen(Arc::new(ear)).expect("it can tell"), heard)
}

/// What is heard next.
///
/// # Panics
/// If nothing is.
pub fn next(heard: &mpsc::Receiver<String>) -> String {
    heard.recv_timeout(Duration::from_secs(20)).expect("something is heard")
}

/// Two stores, by URLs of their own, over one server: what is done through the one is heard by the other.
///
/// # Panics
/// If it is not.
pub fn changes_are_heard(here: &str, there: &str) {
    let (here, there) = (memo::backend(here).expect("opens"), memo::backend(there).expect("opens"));
    let (_listening, heard) = listen(&*here);
    assert_eq!(next(&heard), "ready");
    let moment = there.moment(b"f|i|a|v").expect("asked");
    there.set(b"f|i|a|v", Item::new(b"computed").tags(&["a:b"]).since(moment)).expect("stored");
    here.set(b"f|i|a|v", Item::new(b"by itself")).expect("stored");
    there.set(b"f|i|a|v", Item::new(b"new").tags(&["a:b"])).expect("stored");
    assert_eq!(next(&heard), "changed f|i|a|v", "what is computed, and what one does oneself, is no news");
    there.set(b"f|i|b|v", Item::new(b"new")).expect("stored");
    assert_eq!(next(&heard), "changed f|i|b|v");
    let lasts_longer = |_: Option<&[u8]>| Change::Set {
        bytes: b"new".to_vec(),
        expires: None,
        tags: Vec::new(),
        since: None,
        is_news: false,
    };
    there.update(b"f|i|b|v", &mut { lasts_longer }).expect("updated");
    there.update(b"f|i|a|v", &mut |_| Change::set("newer")).expect("updated");
    assert_eq!(next(&heard), "changed f|i|a|v", "what says the same as before is no news");
    there.remove(b"f|i|a|v").expect("removed");
    assert_eq!(next(&heard), "changed f|i|a|v");
    there.remove_prefix(b"f|i|a|").expect("removed");
    assert_eq!(next(&heard), "changed f|i|a|");
    there.remove_tagged(b"f|i|a|", &["a:b", "c"]).expect("removed");
    assert_eq!(next(&heard), "tagged f|i|a| a:b");
}
