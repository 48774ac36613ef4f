//! Values to bytes and back: the codecs that the library brings, one file each, and those of users.

mod bincode;
#[cfg(feature = "json")]
mod json;
#[cfg(feature = "msgpack")]
mod msgpack;
mod own;
#[cfg(feature = "postcard")]
mod postcard;
mod raw;

use std::{error::Error as StdError, fmt, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};

use self::own::Own;
pub use self::own::{Codec, Read, register_codec};
use super::guard::Bounds;
use crate::error::Error;

/// A codec: one of the library's, or one that was registered.
#[derive(Clone)]
pub(super) enum Chosen {
    Bincode,
    Raw,
    #[cfg(feature = "postcard")]
    Postcard,
    #[cfg(feature = "json")]
    Json,
    #[cfg(feature = "msgpack")]
    MsgPack,
    Own(Arc<Own>),
}

/// The names of the library's codecs, and the cargo features that those need which are not always there.
const NAMES: &[(&str, Option<&str>)] = &[
    ("bincode", None),
    ("raw", None),
    ("postcard", Some("postcard")),
    ("json", Some("json")),
    ("msgpack", Some("msgpack")),
];

/// What is said of a value that `bincode` or `postcard` can't carry.
const WITH_NAMES: &str = "; codecs that write names, `json` and `msgpack`, can";

impl Chosen {
    /// The codec of a name; otherwise what is wrong with the name.
    pub(super) fn named(name: &str) -> Result<Self, String> {
        match name {
            "bincode" => Ok(Self::Bincode),
            "raw" => Ok(Self::Raw),
            #[cfg(feature = "postcard")]
            "postcard" => Ok(Self::Postcard),
            #[cfg(feature = "json")]
            "json" => Ok(Self::Json),
            #[cfg(feature = "msgpack")]
            "msgpack" => Ok(Self::MsgPack),
            _ => own::named(name).map(Self::Own).ok_or_else(|| unknown(name)),
        }
    }

    pub(super) fn name(&self) -> &str {
        match self {
            Self::Bincode => "bincode",
            Self::Raw => "raw",
            #[cfg(feature = "postcard")]
            Self::Postcard => "postcard",
            #[cfg(feature = "json")]
            Self::Json => "json",
            #[cfg(feature = "msgpack")]
            Self::MsgPack => "msgpack",
            Self::Own(own) => own.name(),
        }
    }

    /// Does it write enough to read values of unknown form (`untagged`, `flatten` …)?
    pub(super) fn has_names(&self) -> bool {
        match self {
            Self::Bincode | Self::Raw => false,
            #[cfg(feature = "postcard")]
            Self::Postcard => false,
            #[cfg(feature = "json")]
            Self::Json => true,
            #[cfg(feature = "msgpack")]
            Self::MsgPack => true,
            Self::Own(_) => true,
        }
    }

    pub(super) fn encode<T: Serialize + ?Sized>(&self, value: &T) -> Result<Vec<u8>, Error> {
        match self {
            Self::Bincode => bincode::encode(value).map_err(|error| self.cant_write(error)),
            Self::Raw => raw::encode(value).map_err(|error| self.cant_write(error)),
            #[cfg(feature = "postcard")]
            Self::Postcard => postcard::encode(value).map_err(|error| self.cant_write(error)),
            #[cfg(feature = "json")]
            Self::Json => json::encode(value).map_err(|error| self.cant_write(error)),
            #[cfg(feature = "msgpack")]
            Self::MsgPack => msgpack::encode(value).map_err(|error| self.cant_write(error)),
            Self::Own(own) => own.encode(value).map_err(|error| self.cant_write(error)),
        }
    }

    /// The value that these bytes are, all of them.
    pub(super) fn decode<T: DeserializeOwned>(&self, bytes: &[u8], limit: usize) -> Result<T, Error> {
        let bounds = Bounds::new(limit);
        let seed = bounds.seed();
        match self {
            Self::Bincode => bincode::decode(seed, bytes).map_err(|fault| self.cant_read(fault)),
            Self::Raw => raw::decode(seed, bytes).map_err(|fault| self.cant_read(fault)),
            #[cfg(feature = "postcard")]
            Self::Postcard => postcard::decode(seed, bytes).map_err(|fault| self.cant_read(fault)),
            #[cfg(feature = "json")]
            Self::Json => json::decode(seed, bytes).map_err(|fault| self.cant_read(fault)),
            #[cfg(feature = "msgpack")]
            Self::MsgPack => msgpack::decode(seed, bytes).map_err(|fault| self.cant_read(fault)),
            Self::Own(own) => own.decode(seed, bytes).map_err(|fault| self.cant_read(fault)),
        }
    }

    #[cold]
    fn cant_write(&self, error: impl StdError + Send + Sync + 'static) -> Error {
        let hint = if matches!(self, Self::Raw) || self.has_names() { "" } else { WITH_NAMES };
        Error::encoding(format!("the codec `{}` can't write this value: {error}{hint}", self.name())).with_source(error)
    }

    #[cold]
    fn cant_read<E: StdError + Send + Sync + 'static>(&self, fault: Fault<E>) -> Error {
        match fault {
            Fault::LeftOver => Error::corrupt(format!("bytes are left over behind a value of `{}`", self.name())),
            Fault::Codec(error) => {
                let message = format!("these bytes are no such value of the codec `{}`: {error}", self.name());
                Error::corrupt(message).with_source(error)
            }
        }
    }
}

impl fmt::Debug for Chosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why bytes were not decoded.
enum Fault<E> {
    Codec(E),
    LeftOver,
}

impl<E> From<E> for Fault<E> {
    fn from(error: E) -> Self {
        Self::Codec(error)
    }
}

/// Is this the name of a codec that the library brings, built in or not?
pub(super) fn is_ours(name: &str) -> bool {
    NAMES.iter().any(|(ours, _)| *ours == name)
}

fn unknown(name: &str) -> String {
    if let Some((_, Some(feature))) = NAMES.iter().find(|(ours, _)| *ours == name) {
        return format!("the codec `{name}` needs the cargo feature `{feature}` of `memo`");
    }
    let ours = NAMES.iter().map(|(name, _)| (*name).to_owned());
    let names: Vec<_> = ours.filter(|name| Chosen::named(name).is_ok()).chain(own::names()).collect();
    format!("unknown codec `{name}`: known are {}", super::listed(&names))
}
