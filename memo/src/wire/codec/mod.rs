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
use super::{
    guard::{Bounds, Rules, Watch},
    number,
    shape::Seen,
};
use crate::{error::Error, message::Message};

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

/// The names of the library's codecs, and the cargo features that those need which are not always there: are they on?
const NAMES: &[(&str, Option<(&str, bool)>)] = &[
    ("bincode", None),
    ("raw", None),
    ("postcard", Some(("postcard", cfg!(feature = "postcard")))),
    ("json", Some(("json", cfg!(feature = "json")))),
    ("msgpack", Some(("msgpack", cfg!(feature = "msgpack")))),
];

impl Chosen {
    /// The codec of a name; otherwise what is wrong with the name.
    pub(super) fn named(name: &str) -> Result<Self, String> {
        Self::known(name.as_bytes()).ok_or_else(|| unknown(name))
    }

    /// The codec of a name, if there is one.
    pub(super) fn known(name: &[u8]) -> Option<Self> {
        match name {
            b"bincode" => Some(Self::Bincode),
            b"raw" => Some(Self::Raw),
            #[cfg(feature = "postcard")]
            b"postcard" => Some(Self::Postcard),
            #[cfg(feature = "json")]
            b"json" => Some(Self::Json),
            #[cfg(feature = "msgpack")]
            b"msgpack" => Some(Self::MsgPack),
            _ => own::named(str::from_utf8(name).ok()?).map(Self::Own),
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

    fn rules(&self) -> Rules {
        match self {
            #[cfg(feature = "json")]
            Self::Json => Rules::JSON,
            #[cfg(feature = "msgpack")]
            Self::MsgPack => Rules::MSGPACK,
            Self::Own(_) => Rules::NONE,
            _ => Rules::WITHOUT_NAMES,
        }
    }

    /// The value as bytes that are read as the same value, with this `limit`, by a type of which this was seen.
    pub(super) fn encode<T: Serialize + ?Sized>(
        &self,
        value: &T,
        limit: usize,
        seen: Option<&'static Seen>,
    ) -> Result<Vec<u8>, Error> {
        let watch = Watch::new(self.rules(), limit, seen);
        let value = &watch.over(value);
        let encoded = match self {
            Self::Bincode => bincode::encode(value).map_err(Source::from),
            Self::Raw => raw::encode(value).map_err(Source::from),
            #[cfg(feature = "postcard")]
            Self::Postcard => postcard::encode(value).map_err(Source::from),
            #[cfg(feature = "json")]
            Self::Json => json::encode(value).map_err(Source::from),
            #[cfg(feature = "msgpack")]
            Self::MsgPack => msgpack::encode(value).map_err(Source::from),
            Self::Own(own) => own.encode(value).map_err(Source::from),
        };
        encoded.map_err(|error| self.cant_write(error, watch.why()))
    }

    /// The value that these bytes are, all of them.
    pub(super) fn decode<T: DeserializeOwned>(&self, bytes: &[u8], limit: usize) -> Result<T, Error> {
        let bounds = Bounds::new(limit);
        let seed = bounds.seed();
        let decoded = match self {
            Self::Bincode => bincode::decode(seed, bytes).map_err(Fault::boxed),
            Self::Raw => raw::decode(seed, bytes).map_err(Fault::boxed),
            #[cfg(feature = "postcard")]
            Self::Postcard => postcard::decode(seed, bytes).map_err(Fault::boxed),
            #[cfg(feature = "json")]
            Self::Json => json::decode(seed, bytes).map_err(Fault::boxed),
            #[cfg(feature = "msgpack")]
            Self::MsgPack => msgpack::decode(seed, bytes).map_err(Fault::boxed),
            Self::Own(own) => own.decode(seed, bytes).map_err(Fault::boxed),
        };
        decoded.map_err(|fault| {
            let why = bounds.why().map(str::to_owned).or_else(|| self.check::<T>().err());
            self.cant_read(fault, why)
        })
    }

    /// Can this codec read values of this type at all? Otherwise why not.
    pub(super) fn check<T: DeserializeOwned>(&self) -> Result<(), String> {
        if self.has_names() || !Seen::of::<T>().needs_names {
            return Ok(());
        }
        Err(format!(
            "in `{}` something looks at the data to find out what is there (`flatten`, `untagged`, `tag` …); `json` and `msgpack` write \
             names that tell it",
            std::any::type_name::<T>()
        ))
    }

    #[cold]
    fn cant_write(&self, error: Source, why: Option<String>) -> Error {
        let why = why.unwrap_or_else(|| error.to_string());
        Error::encoding(format!("the codec `{}` can't write this value: {why}", self.name())).with_source(error)
    }

    #[cold]
    fn cant_read(&self, fault: Fault<Source>, why: Option<String>) -> Error {
        match fault {
            Fault::LeftOver => Error::corrupt(format!("bytes are left over behind a value of `{}`", self.name())),
            Fault::Codec(error) => {
                let why = why.unwrap_or_else(|| error.to_string());
                let message = format!("these bytes are no such value of the codec `{}`: {why}", self.name());
                Error::corrupt(message).with_source(error)
            }
        }
    }
}

/// The error of a codec.
type Source = Box<dyn StdError + Send + Sync>;

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

impl<E: StdError + Send + Sync + 'static> Fault<E> {
    fn boxed(self) -> Fault<Source> {
        match self {
            Self::Codec(error) => Fault::Codec(error.into()),
            Self::LeftOver => Fault::LeftOver,
        }
    }
}

impl<E> From<E> for Fault<E> {
    fn from(error: E) -> Self {
        Self::Codec(error)
    }
}

/// Is this the name of a codec that the library brings, built in or not?
pub(super) const fn is_ours(name: &str) -> bool {
    number(NAMES, name).is_some()
}

/// A codec of the library's is not built in: what it needs.
pub(super) const fn missing(name: &str) -> Option<Message> {
    let Some(number) = number(NAMES, name) else { return None };
    let Some((feature, false)) = NAMES[number].1 else { return None };
    let message = Message::new().text("the codec ").value(name).text(" needs the cargo feature ").value(feature);
    Some(message.text(" of `memo`"))
}

fn unknown(name: &str) -> String {
    if let Some(message) = missing(name) {
        return message.to_string();
    }
    let ours = NAMES.iter().map(|(name, _)| (*name).to_owned());
    let names: Vec<_> = ours.filter(|name| Chosen::named(name).is_ok()).chain(own::names()).collect();
    format!("unknown codec `{name}`: known are {}", super::listed(&names))
}
