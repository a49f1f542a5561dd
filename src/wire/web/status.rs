//! The outcomes of an HTTP request: their numbers, and those that end it before it is carried out.
//!
//! Owns the words of a fault. Must never repeat in them what a client sent.

use std::fmt;

/// The outcomes that there are here: RFC 9110, 15; RFC 6585 for 431, RFC 4918 for 507.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is its phrase in the standard")]
pub enum Status {
    SwitchingProtocols = 101,
    Ok = 200,
    Created = 201,
    PartialContent = 206,
    NotModified = 304,
    BadRequest = 400,
    Unauthorized = 401,
    Forbidden = 403,
    NotFound = 404,
    MethodNotAllowed = 405,
    RequestTimeout = 408,
    Conflict = 409,
    LengthRequired = 411,
    PreconditionFailed = 412,
    ContentTooLarge = 413,
    UriTooLong = 414,
    UnsupportedMediaType = 415,
    RangeNotSatisfiable = 416,
    ExpectationFailed = 417,
    MisdirectedRequest = 421,
    UpgradeRequired = 426,
    HeaderFieldsTooLarge = 431,
    InternalServerError = 500,
    NotImplemented = 501,
    ServiceUnavailable = 503,
    VersionNotSupported = 505,
    InsufficientStorage = 507,
}

impl Status {
    const fn phrase(self) -> &'static str {
        match self {
            Self::SwitchingProtocols => "Switching Protocols",
            Self::Ok => "OK",
            Self::Created => "Created",
            Self::PartialContent => "Partial Content",
            Self::NotModified => "Not Modified",
            Self::BadRequest => "Bad Request",
            Self::Unauthorized => "Unauthorized",
            Self::Forbidden => "Forbidden",
            Self::NotFound => "Not Found",
            Self::MethodNotAllowed => "Method Not Allowed",
            Self::RequestTimeout => "Request Timeout",
            Self::Conflict => "Conflict",
            Self::LengthRequired => "Length Required",
            Self::PreconditionFailed => "Precondition Failed",
            Self::ContentTooLarge => "Content Too Large",
            Self::UriTooLong => "URI Too Long",
            Self::UnsupportedMediaType => "Unsupported Media Type",
            Self::RangeNotSatisfiable => "Range Not Satisfiable",
            Self::ExpectationFailed => "Expectation Failed",
            Self::MisdirectedRequest => "Misdirected Request",
            Self::UpgradeRequired => "Upgrade Required",
            Self::HeaderFieldsTooLarge => "Request Header Fields Too Large",
            Self::InternalServerError => "Internal Server Error",
            Self::NotImplemented => "Not Implemented",
            Self::ServiceUnavailable => "Service Unavailable",
            Self::VersionNotSupported => "HTTP Version Not Supported",
            Self::InsufficientStorage => "Insufficient Storage",
        }
    }
}

impl fmt::Display for Status {
    /// The number and the phrase: `404 Not Found`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", *self as u16, self.phrase())
    }
}

/// Why a request is not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its outcome.
    pub status: Status,
    /// In words for a person, with what to do about it.
    pub reason: &'static str,
    /// The methods that could be used instead; of 405 only.
    pub allow: &'static str,
}

impl Fault {
    /// A fault of any other kind than 405.
    #[must_use]
    pub const fn new(status: Status, reason: &'static str) -> Self {
        Self {
            status,
            reason,
            allow: "",
        }
    }

    /// A fault of form.
    #[must_use]
    pub const fn bad(reason: &'static str) -> Self {
        Self::new(Status::BadRequest, reason)
    }

    /// What is not there.
    pub const NOT_FOUND: Self = Self::new(Status::NotFound, "there is nothing here");

    /// The head is longer than it may be: RFC 6585, 5.
    pub const HEAD_TOO_LARGE: Self = Self::new(
        Status::HeaderFieldsTooLarge,
        "the head of a request has at most 16 KiB",
    );

    /// The whole head did not come in time: RFC 9110, 15.5.9.
    pub const TIMEOUT: Self = Self::new(Status::RequestTimeout, "the request took too long");

    /// The method is known and not for this: RFC 9110, 15.5.6.
    #[must_use]
    pub const fn method(allow: &'static str) -> Self {
        Self {
            status: Status::MethodNotAllowed,
            reason: "this method is not for this",
            allow,
        }
    }
}
