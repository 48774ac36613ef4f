//! What values go through on their way to a store and back.

use std::{fmt, str::FromStr};

use serde::{Serialize, de::DeserializeOwned};

use super::{
    codec::{self, Chosen},
    compress::{self, Compressor},
    settings::Settings,
    shape::Seen,
};
use crate::{backend::Url, error::Error};

/// What values go through on their way to a store: a codec, then compressors.
///
/// ```
/// use memo::wire::Wire;
///
/// let wire = Wire::parse("bincode+zstd?level=9")?;
/// let text = "again and again, ".repeat(100);
/// let encoded = wire.encode(&text)?;
/// assert!(encoded.bytes.len() < 100);
///
/// // Decoding goes by what the frame names, so a store may hold entries of several codecs.
/// let limit = wire.max_value();
/// let decoded: String = Wire::decode(encoded.codec, encoded.compressors, &encoded.bytes, limit)?;
/// assert_eq!(decoded, text);
/// # Ok::<(), memo::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Wire {
    codec: Chosen,
    compressors: Vec<Compressor>,
    /// Their names, as a frame has them.
    names: String,
    settings: Settings,
}

/// A value as bytes, and what it went through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded<'w> {
    /// What [`Frame::codec`](super::Frame::codec) says.
    pub codec: &'w str,
    /// What [`Frame::compressors`](super::Frame::compressors) says.
    pub compressors: &'w str,
    /// What [`Frame::value`](super::Frame::value) is.
    pub bytes: Vec<u8>,
}

impl Wire {
    /// Reads how values become bytes from a text: `codec`, `codec+compressor`, `codec+compressor+compressor` …, or compressors
    /// alone, which is `raw` before them; then settings, `?name=value&…`. The [module](super) has the lists.
    ///
    /// # Errors
    ///
    /// [`Error::is_config`]; names what is wrong and what is allowed in its place.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let (chain, query) = text.split_once('?').unwrap_or((text, ""));
        let mut settings = Settings::default();
        settings.read(query).and_then(|()| Self::build(chain, settings)).map_err(|fault| in_text(text, &fault))
    }

    /// What a store's URL says: `codec` is a text as for [`parse`](Self::parse), the settings stand in it, or beside it as
    /// parameters of their own. Without `codec` it is what `otherwise` says, a text like it; the URL's settings count in either case.
    ///
    /// ```
    /// use memo::{backend::Url, wire::Wire};
    ///
    /// let url = Url::parse("memory://pages?max_value=1MiB")?;
    /// assert_eq!(Wire::of(&url, "bincode")?.to_string(), "bincode?max_value=1048576");
    /// # Ok::<(), memo::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse); a setting that both say is one said twice.
    pub fn of(url: &Url, otherwise: &str) -> Result<Self, Error> {
        let text = url.param("codec").unwrap_or(otherwise);
        let (chain, query) = text.split_once('?').unwrap_or((text, ""));
        let mut settings = Settings::default();
        let read = settings.read(query).and_then(|()| {
            let own = url.params().filter(|(name, _)| Settings::is_name(name));
            own.into_iter().try_for_each(|(name, value)| settings.set(name, value))
        });
        read.and_then(|()| Self::build(chain, settings)).map_err(|fault| match url.param("codec") {
            Some(_) => in_text(&url.shown(), &fault),
            None => in_text(&format!("{} with codec={otherwise}", url.shown()), &fault),
        })
    }

    fn build(chain: &str, settings: Settings) -> Result<Self, String> {
        let first = chain.split('+').next().unwrap_or_default();
        let (codec, stages) = if compress::is_name(first) {
            (Chosen::Raw, Some(chain))
        } else {
            (named(first)?, chain.split_once('+').map(|(_, stages)| stages))
        };
        let mut compressors = Vec::new();
        for name in stages.into_iter().flat_map(|stages| stages.split('+')) {
            if !compress::is_name(name) && Chosen::named(name).is_ok() {
                return Err(compress::a_codec(name).to_string());
            }
            compressors.push(settings.apply(Compressor::named(name)?)?);
        }
        if compressors.is_empty() {
            settings.without_compressor()?;
        }
        let names = compressors.iter().map(ToString::to_string).collect::<Vec<_>>().join("+");
        if names.len() > usize::from(u8::MAX) {
            return Err("there are too many compressors".to_owned());
        }
        Ok(Self { codec, compressors, names, settings })
    }

    /// Can the codec bring values of this type back at all? Says so before one is stored.
    ///
    /// # Errors
    ///
    /// [`Error::is_encoding`] if the type looks at the data to find out what is there (`untagged` …), and the codec does not tell.
    pub fn check<T: DeserializeOwned>(&self) -> Result<(), Error> {
        let name = self.codec.name();
        self.codec
            .check::<T>()
            .map_err(|why| Error::encoding(format!("the codec `{name}` can't read such values: {why}")))
    }

    /// The value as bytes.
    ///
    /// # Errors
    ///
    /// [`Error::is_encoding`] if the codec can't write it such that it could be read again, or it has more bytes than
    /// [`max_value`](Self::max_value).
    pub fn encode<T: Serialize + ?Sized>(&self, value: &T) -> Result<Encoded<'_>, Error> {
        self.compressed(self.codec.encode(value, self.max_value(), None)?)
    }

    /// The same for a type that is read again, which is looked at, too: parts of tuple structs and tuple variants that are left out
    /// (`skip_serializing_if`) are refused, because the next would be read for them. Memoized functions and caches write like this.
    ///
    /// # Errors
    ///
    /// As [`encode`](Self::encode).
    pub fn encode_checked<T: Serialize + DeserializeOwned>(&self, value: &T) -> Result<Encoded<'_>, Error> {
        self.compressed(self.codec.encode(value, self.max_value(), Some(Seen::of::<T>()))?)
    }

    fn compressed(&self, encoded: Vec<u8>) -> Result<Encoded<'_>, Error> {
        let (length, most) = (encoded.len(), self.max_value());
        if length > most {
            return Err(Error::encoding(format!("the value has {length} bytes, `max_value` allows {most}")));
        }
        let mut encoded = Encoded { codec: self.codec.name(), compressors: "", bytes: encoded };
        if let [first, others @ ..] = &self.compressors[..]
            && length >= self.settings.threshold()
        {
            let mut bytes = first.compress(&encoded.bytes)?;
            let mut longest = bytes.len();
            for compressor in others {
                bytes = compressor.compress(&bytes)?;
                longest = longest.max(bytes.len());
            }
            // What does not become smaller need not be decompressed at every reading. A step that went beyond the limit would
            // not be taken back.
            if bytes.len() < length && longest <= most {
                encoded = Encoded { compressors: &self.names, bytes, ..encoded };
            }
        }
        Ok(encoded)
    }

    /// The value of a frame, by what the frame names, whatever is configured now.
    ///
    /// # Errors
    ///
    /// [`Error::is_corrupt`] if the bytes are not such a value, decompress to more than `limit`, or went through something that
    /// is not built in. To a cache these are misses.
    pub fn decode<T: DeserializeOwned>(codec: &str, compressors: &str, bytes: &[u8], limit: usize) -> Result<T, Error> {
        Through::named(codec, compressors)?.decode(bytes, limit)
    }

    /// The most bytes that a value may have before it is compressed: the limit to decode with.
    pub fn max_value(&self) -> usize {
        self.settings.max_value()
    }
}

/// What the value of a frame went through.
pub struct Through {
    codec: Chosen,
    compressors: Box<[Compressor]>,
}

impl Through {
    /// By the names in a frame, if all are known and built in.
    pub(crate) fn known(codec: &[u8], compressors: &[u8]) -> Option<Self> {
        let codec = Chosen::known(codec)?;
        let compressors = if compressors.is_empty() { "" } else { str::from_utf8(compressors).ok()? };
        Some(Self { codec, compressors: compress::listed_in(compressors).ok()? })
    }

    /// The same; the error says what is wrong with which.
    pub(crate) fn named(codec: &str, compressors: &str) -> Result<Self, Error> {
        let codec = Chosen::named(codec).map_err(Error::corrupt)?;
        Ok(Self { codec, compressors: compress::listed_in(compressors).map_err(Error::corrupt)? })
    }

    /// As [`Wire::decode`].
    pub(crate) fn decode<T: DeserializeOwned>(&self, bytes: &[u8], limit: usize) -> Result<T, Error> {
        self.codec.decode(&compress::undo(&self.compressors, bytes, limit)?, limit)
    }
}

impl FromStr for Wire {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

/// As [`Wire::parse`] reads it; aliases have become names.
impl fmt::Display for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.codec.name())?;
        if !self.names.is_empty() {
            write!(f, "+{}", self.names)?;
        }
        write!(f, "{}", self.settings)
    }
}

/// The codec of a name. What is missing may as well be a compressor.
fn named(name: &str) -> Result<Chosen, String> {
    Chosen::named(name).map_err(|fault| {
        let compressors: Vec<_> = compress::names().collect();
        if codec::is_ours(name) || compressors.is_empty() {
            return fault;
        }
        format!("{fault}; compressors are {}", super::listed(&compressors))
    })
}

fn in_text(text: &str, fault: &str) -> Error {
    Error::config(super::in_text(text, fault).to_string())
}
