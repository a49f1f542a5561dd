//! What a client may ask for.
//!
//! Owns the rights and their words. Must never know who has which: the session holds that.

use crate::wire::token::TokenEnd;

/// One right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// The bytes of files, with their digests.
    Get,
    /// The list of files.
    List,
    /// Who is connected and who was, with their addresses.
    Status,
    /// Messages that come back.
    Echo,
    /// Uploads under new names.
    Put,
    /// Uploads in place of what is there.
    Replace,
}

impl Right {
    /// Every right, in the order in which they are shown.
    pub const ALL: [Self; 6] = [
        Self::Get,
        Self::List,
        Self::Status,
        Self::Echo,
        Self::Put,
        Self::Replace,
    ];

    /// The word for it, in the tokens file and in the reply that refuses a request.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Status => "status",
            Self::Echo => "echo",
            Self::Put => "put",
            Self::Replace => "replace",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A set of rights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rights(u8);

impl Rights {
    /// The same rights and this one.
    #[must_use]
    pub const fn with(self, right: Right) -> Self {
        Self(self.0 | right.bit())
    }

    /// Whether this right is among them.
    #[must_use]
    pub const fn has(self, right: Right) -> bool {
        self.0 & right.bit() != 0
    }

    /// Whether all of `others` are among them.
    #[must_use]
    pub const fn include(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = Right> {
        Right::ALL.into_iter().filter(move |&right| self.has(right))
    }
}

impl FromIterator<Right> for Rights {
    fn from_iter<I: IntoIterator<Item = Right>>(rights: I) -> Self {
        rights.into_iter().fold(Self::default(), Self::with)
    }
}

/// What a session may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everything: no token was demanded.
    Free,
    /// What its token gives.
    Holder(Rights),
    /// Nothing any more: its token is not valid now.
    Ended(TokenEnd),
}

impl Access {
    /// Whether a request that needs this right is answered.
    #[must_use]
    pub const fn allows(self, right: Right) -> bool {
        match self {
            Self::Free => true,
            Self::Holder(rights) => rights.has(right),
            Self::Ended(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_the_rights_that_were_put_into_it_and_no_other() {
        for right in Right::ALL {
            let set = Rights::default().with(right);
            assert_eq!(set.iter().collect::<Vec<_>>(), [right]);
        }
        let all: Rights = Right::ALL.into_iter().collect();
        assert_eq!(all.iter().count(), Right::ALL.len());
        assert!(all.include(Rights::default().with(Right::Echo)));
        assert!(!Rights::default().with(Right::Echo).include(all));
    }
}
