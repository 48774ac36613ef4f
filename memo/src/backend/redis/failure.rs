//! What went wrong, in our words.

use redis::{ErrorKind, RedisError, ServerErrorKind};

use crate::{backend::net::Failure, error::Error};

/// What an error of the client means for the connection and for who asked.
pub(super) fn of(error: &RedisError, server: &str) -> Failure {
    let is_lost = is_lost(error);
    let said = if error.is_timeout() { "did not answer in time".to_owned() } else { format!("failed: {error}") };
    let message = format!("`{server}` {said}");
    // Not as their source: the client's errors may hold what was sent.
    let error = match error.kind() {
        ErrorKind::AuthenticationFailed | ErrorKind::InvalidClientConfig => Error::config(message),
        _ => Error::unavailable(message),
    };
    if is_lost { Failure::lost(error) } else { Failure::refused(error) }
}

/// The server did not answer within the time that is set for it.
pub(super) fn timeout(server: &str) -> Failure {
    Failure::lost(Error::unavailable(format!("`{server}` did not answer in time")))
}

/// Does the server not let us ask this, or not know it?
pub(super) fn is_refusal(error: &RedisError) -> bool {
    let refusals = [ServerErrorKind::NoPerm, ServerErrorKind::ResponseError].map(ErrorKind::Server);
    refusals.contains(&error.kind())
}

/// Is the connection, or the server behind it, of no use for the next request either?
fn is_lost(error: &RedisError) -> bool {
    match error.kind() {
        ErrorKind::Server(kind) => matches!(
            kind,
            ServerErrorKind::BusyLoading
                | ServerErrorKind::ClusterDown
                | ServerErrorKind::MasterDown
                | ServerErrorKind::ReadOnly
                | ServerErrorKind::TryAgain
        ),
        ErrorKind::Extension | ErrorKind::UnexpectedReturnType => false,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_not_heard_was_not_refused() {
        let is_refused = |kind: ErrorKind| is_refusal(&RedisError::from((kind, "x")));
        assert!(is_refused(ErrorKind::Server(ServerErrorKind::NoPerm)));
        assert!(is_refused(ErrorKind::Server(ServerErrorKind::ResponseError)));
        for kind in [ErrorKind::Io, ErrorKind::AuthenticationFailed, ErrorKind::Server(ServerErrorKind::BusyLoading)] {
            assert!(!is_refused(kind), "{kind:?}");
        }
    }
}
