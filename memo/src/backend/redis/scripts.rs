//! The scripts that change the store, and what they find there. Below a base (the prefix, in a cluster also the group):
//!
//! | key | type | what |
//! | --- | --- | --- |
//! | `e:KEY` | string | an entry |
//! | `k` | sorted set | all keys, in their order: found by prefix |
//! | `x` | sorted set | keys by their expiry |
//! | `t:TAG` | sorted set | the keys of the entries with a tag, in their order |
//! | `g` | hash | the tags of the entries that have some |
//! | `c` | sorted set | what was removed of late, by the time: `pPREFIX`, or `tLENGTH:TAG` and a prefix. A key is a prefix, too |
//! | `m` | hash | `born`: since when there is this account; `last`: when something was removed last; `floor`: what happened before is not known any more |
//!
//! Times of removals are microseconds of the server's clock, but each is later than the one before. When all of it is lost (`FLUSHALL`, a
//! restart without persistence), the account begins anew, and what was begun before is not stored: nobody knows what was removed since.
//!
//! The server removes what expired by itself; what the indexes say of it is removed with the next purge, by time.

use std::sync::OnceLock;

use redis::{Cmd, ToRedisArgs as _, cmd};

use crate::backend::keys::behind;

/// What scripts share. `drop` removes an entry and all that speaks of it; was it there?
const COMMON: &str = "
local base = KEYS[1]
local all, ends, tagged = base .. 'k', base .. 'x', base .. 'g'

local function untag(key)
  local tags = redis.call('HGET', tagged, key)
  if tags then
    redis.call('HDEL', tagged, key)
    for _, tag in ipairs(cmsgpack.unpack(tags)) do redis.call('ZREM', base .. 't:' .. tag, key) end
  end
end

local function drop(key)
  untag(key)
  redis.call('ZREM', all, key)
  redis.call('ZREM', ends, key)
  return redis.call('UNLINK', base .. 'e:' .. key)
end

local removed, meta = base .. 'c', base .. 'm'
local origin, channel = ARGV[1], ARGV[2]

local function tell(what)
  redis.call('PUBLISH', channel, origin .. what)
end

local function last()
  return tonumber(redis.call('HGET', meta, 'last') or 0)
end

-- Later than all that was removed.
local function present()
  local time = redis.call('TIME')
  return math.max(time[1] * 1000000 + time[2], last() + 1)
end

local function exact(number)
  return string.format('%.0f', number)
end

-- Takes down that something is removed. What is older than a day, and more than can be kept, is forgotten.
local function note(what)
  tell(what)
  local now = present()
  redis.call('ZADD', removed, exact(now), what)
  redis.call('HSET', meta, 'last', exact(now))
  local gone = redis.call('ZRANGEBYSCORE', removed, '-inf', exact(now - 86400000000), 'WITHSCORES', 'LIMIT', 0, 100)
  if #gone > 0 then redis.call('ZREMRANGEBYRANK', removed, 0, #gone / 2 - 1) end
  if redis.call('ZCARD', removed) > 100000 then gone = redis.call('ZPOPMIN', removed, 100) end
  if #gone > 0 then redis.call('HSET', meta, 'floor', gone[#gone]) end
end

-- Was what an entry is made of, or may be, removed since?
local function is_out(key, tags, since)
  since = tonumber(since)
  local born = redis.call('HGET', meta, 'born')
  if not born or since < tonumber(born) then return true end
  if since > last() then return false end
  if since <= tonumber(redis.call('HGET', meta, 'floor') or 0) then return true end
  local function later(what)
    local time = redis.call('ZSCORE', removed, what)
    return time and tonumber(time) >= since
  end
  if later('p' .. key) then return true end
  local prefix, from = '', 1
  while from do
    if later('p' .. prefix) then return true end
    for _, tag in ipairs(tags) do
      if later('t' .. #tag .. ':' .. tag .. prefix) then return true end
    end
    from = string.find(key, '|', from, true)
    if from then
      prefix = string.sub(key, 1, from)
      from = from + 1
    end
  end
  return false
end

local at = 3
local function take()
  at = at + 1
  return ARGV[at - 1]
end

local function take_list()
  local list = {}
  for i = 1, tonumber(take()) do list[i] = take() end
  return list
end

-- `replaces`: is it news to others? What was computed because nothing was there is none.
local function set(replaces)
  local key, bytes, left, expires, since, tags = take(), take(), take(), take(), take(), take_list()
  if since ~= '' and is_out(key, tags, since) then return end
  if replaces and since == '' then tell('p' .. key) end
  if left == '0' then return drop(key) end
  untag(key)
  if left == '' then
    redis.call('SET', base .. 'e:' .. key, bytes)
    redis.call('ZREM', ends, key)
  else
    redis.call('SET', base .. 'e:' .. key, bytes, 'PX', left)
    redis.call('ZADD', ends, expires, key)
  end
  redis.call('ZADD', all, 0, key)
  if #tags > 0 then
    redis.call('HSET', tagged, key, cmsgpack.pack(tags))
    for _, tag in ipairs(tags) do redis.call('ZADD', base .. 't:' .. tag, 0, key) end
  end
end

-- Takes down that all under a prefix is removed, where a range begins with it; it does not where it goes on.
local function note_from(from, about)
  if string.sub(from, 1, 1) == '[' then note(about .. string.sub(from, 2)) end
end

-- Keys of an index from one place to another, so many at most; and the last one, if there may be more.
local function range(from, to, index, most)
  local keys = redis.call('ZRANGEBYLEX', index, from, to, 'LIMIT', 0, most)
  return keys, #keys == most and keys[most] or ''
end
";

/// So many entries one run of a script removes: some milliseconds, for which the server does nothing else.
const MOST: &str = "1000";
/// So many entries one page of a scan shows.
const PAGE_LENGTH: &str = "64";

/// A script. Scripts that do things to several keys or prefixes answer with a list.
pub(super) struct Script {
    body: &'static str,
    /// May it be asked twice? It changes nothing, or nothing the second time.
    is_read: bool,
    made: OnceLock<Made>,
}

struct Made {
    text: String,
    hash: String,
}

impl Script {
    const fn writing(body: &'static str) -> Self {
        Self { body, is_read: false, made: OnceLock::new() }
    }

    const fn reading(body: &'static str) -> Self {
        Self { body, is_read: true, made: OnceLock::new() }
    }

    fn made(&self) -> &Made {
        self.made.get_or_init(|| {
            let text = format!("{COMMON}{}", self.body).replace("MOST", MOST).replace("PAGE", PAGE_LENGTH);
            let hash = redis::Script::new(&text).get_hash().to_owned();
            Made { text, hash }
        })
    }

    /// A call of the script, on a group, by whom, and where others hear of it.
    pub(super) fn on(&'static self, base: &str, origin: &str, channel: &str) -> Call {
        Call { script: self, arguments: [base, origin, channel].map(|text| text.as_bytes().to_vec()).into() }
    }
}

/// Stores items.
pub(super) static SET: Script = Script::writing(
    "
local done = {}
while ARGV[at] do
  set(true)
  done[#done + 1] = 1
end
return done",
);

/// Removes entries by their keys.
pub(super) static REMOVE: Script = Script::writing(
    "
local were = {}
while ARGV[at] do
  local key = take()
  note('p' .. key)
  were[#were + 1] = drop(key)
end
return were",
);

/// Removes what is in ranges of keys; says of each how many, and where it goes on.
pub(super) static REMOVE_UNDER: Script = Script::writing(
    "
local done = {}
while ARGV[at] do
  local from, to = take(), take()
  note_from(from, 'p')
  local keys, last = range(from, to, all, MOST)
  local count = 0
  for _, key in ipairs(keys) do count = count + drop(key) end
  done[#done + 1] = {count, last}
end
return done",
);

/// The same of those entries in a range that have all of some tags.
pub(super) static REMOVE_TAGGED: Script = Script::writing(
    "
local done = {}
while ARGV[at] do
  local from, to, tags = take(), take(), take_list()
  local first = base .. 't:' .. tags[1]
  note_from(from, 't' .. #tags[1] .. ':' .. tags[1])
  local keys, last = range(from, to, first, MOST)
  local count = 0
  for _, key in ipairs(keys) do
    local has = true
    for i = 2, #tags do has = has and redis.call('ZSCORE', base .. 't:' .. tags[i], key) end
    if has then count = count + drop(key) end
  end
  done[#done + 1] = {count, last}
end
return done",
);

/// Makes a change if an entry is still what it was seen to be; was it? `0`: it is removed, `1`: replaced, `2`: and that is no news.
pub(super) static REPLACE: Script = Script::writing(
    "
local was_there, seen, what = take() == '1', take(), take()
local now = redis.call('GET', base .. 'e:' .. ARGV[at])
if now and (not was_there or now ~= seen) or not now and was_there then return {0} end
if what ~= '0' then
  set(was_there and what == '1')
else
  local key = take()
  note('p' .. key)
  drop(key)
end
return {1}",
);

/// The entries in a part of a range, and where it goes on.
pub(super) static PAGE_OF: Script = Script::reading(
    "
local keys, last = range(take(), take(), all, PAGE)
local entries = {}
for i, key in ipairs(keys) do entries[i] = {key, redis.call('GET', base .. 'e:' .. key)} end
return {{entries, last}}",
);

/// How many keys are in a range.
pub(super) static COUNT: Script = Script::reading("return {redis.call('ZLEXCOUNT', all, take(), take())}");

/// Removes what had expired by some time; says how much was there, and whether there is more.
pub(super) static PURGE: Script = Script::writing(
    "
local keys = redis.call('ZRANGEBYSCORE', ends, '-inf', take(), 'LIMIT', 0, MOST)
local count = 0
for _, key in ipairs(keys) do count = count + drop(key) end
return {{count, #keys == MOST and 1 or 0}}",
);

/// The present, for each of several keys. From then on the account of removals is known to go on.
pub(super) static MOMENT: Script = Script::reading(
    "
local now, moments = exact(present()), {}
if redis.call('HEXISTS', meta, 'born') == 0 then redis.call('HSET', meta, 'born', now) end
for i = at, #ARGV do moments[#moments + 1] = now end
return moments",
);

/// A call of a script.
pub(super) struct Call {
    script: &'static Script,
    arguments: Vec<Vec<u8>>,
}

impl Call {
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.arguments.push(bytes.to_vec());
        self
    }

    pub(super) fn number(&mut self, number: u64) -> &mut Self {
        number.write_redis_args(&mut self.arguments);
        self
    }

    /// A number, or nothing.
    pub(super) fn maybe(&mut self, number: Option<u64>) -> &mut Self {
        match number {
            Some(number) => self.number(number),
            None => self.bytes(b""),
        }
    }

    /// All keys under a prefix, or those of them behind a key.
    pub(super) fn range(&mut self, prefix: &[u8], after: Option<&[u8]>) -> &mut Self {
        self.arguments.push(match after {
            Some(after) => [b"(", after].concat(),
            None => [b"[", prefix].concat(),
        });
        self.arguments.push(behind(prefix).map_or_else(|| b"+".to_vec(), |end| [&b"("[..], &end].concat()));
        self
    }

    pub(super) fn is_read(&self) -> bool {
        self.script.is_read
    }

    /// The call by the hash of the script, which the server may not know.
    pub(super) fn by_hash(&self) -> Cmd {
        self.command("EVALSHA", &self.script.made().hash)
    }

    /// The call with the text of the script.
    pub(super) fn by_text(&self) -> Cmd {
        self.command("EVAL", &self.script.made().text)
    }

    fn command(&self, name: &str, script: &str) -> Cmd {
        let mut call = cmd(name);
        call.arg(script).arg(1);
        for argument in &self.arguments {
            call.arg(argument);
        }
        call
    }
}
