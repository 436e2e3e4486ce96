//! Errors as gRPC statuses, and back.

use engine::{EngineError, ErrorKind};
use tonic::{Code, Status};

/// The status that tells a client of an error.
pub(super) fn to_status(error: EngineError) -> Status {
    let code = match error.kind {
        ErrorKind::Invalid => Code::InvalidArgument,
        ErrorKind::NotFound => Code::NotFound,
        ErrorKind::Compacted => Code::FailedPrecondition,
        ErrorKind::Unauthenticated => Code::Unauthenticated,
        ErrorKind::Denied => Code::PermissionDenied,
        ErrorKind::Exhausted => Code::ResourceExhausted,
        ErrorKind::Unavailable | ErrorKind::Stopped => Code::Unavailable,
        ErrorKind::Damaged => Code::Internal,
    };
    Status::new(code, cut(error.to_string()))
}

/// How long a message may be: it travels in a header, which clients bound, and it may quote what the client sent.
const MESSAGE_BYTES_MAX: usize = 4096;

fn cut(mut message: String) -> String {
    if message.len() > MESSAGE_BYTES_MAX {
        message.truncate(message.floor_char_boundary(MESSAGE_BYTES_MAX));
        message.push('…');
    }
    message
}

/// The error that a status tells of.
pub(super) fn from_status(status: &Status) -> EngineError {
    let kind = match status.code() {
        Code::InvalidArgument | Code::OutOfRange | Code::Unimplemented => ErrorKind::Invalid,
        Code::NotFound => ErrorKind::NotFound,
        Code::FailedPrecondition => ErrorKind::Compacted,
        Code::Unauthenticated => ErrorKind::Unauthenticated,
        Code::PermissionDenied => ErrorKind::Denied,
        Code::ResourceExhausted => ErrorKind::Exhausted,
        Code::Internal | Code::DataLoss => ErrorKind::Damaged,
        _ => ErrorKind::Unavailable,
    };
    let message = status.message();
    let parts = message.strip_suffix(')').and_then(|message| message.split_once(" (help: "));
    let (what, help) = parts.unwrap_or((message, ""));
    EngineError::new(kind, what, help)
}

/// What Arrow says went wrong on the server's side: it does not happen to a view that fits its schema.
pub(super) fn internal(error: impl std::fmt::Display) -> Status {
    Status::internal(format!("the rows cannot be sent: {error}"))
}

/// A method of the protocol that this server does not have.
pub(super) fn unimplemented(method: &str, instead: &str) -> Status {
    Status::unimplemented(format!("{method} is not served (help: {instead})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_survives_the_way_to_the_client() {
        for kind in [
            ErrorKind::Invalid,
            ErrorKind::NotFound,
            ErrorKind::Compacted,
            ErrorKind::Unauthenticated,
            ErrorKind::Denied,
            ErrorKind::Exhausted,
            ErrorKind::Unavailable,
            ErrorKind::Damaged,
        ] {
            for help in ["", "write (in brackets) less"] {
                let error = EngineError::new(kind, "it broke", help);
                assert_eq!(from_status(&to_status(error.clone())), error);
            }
        }
    }

    #[test]
    fn a_message_that_quotes_much_is_cut_where_a_letter_ends() {
        let status = to_status(EngineError::new(ErrorKind::NotFound, "ä".repeat(20_000), "help"));
        assert_eq!(status.code(), Code::NotFound);
        assert!(status.message().len() <= MESSAGE_BYTES_MAX + '…'.len_utf8() && status.message().ends_with("ä…"));
    }
}
