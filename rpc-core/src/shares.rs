//! Who comes from where, and what each may take of places that all share.
//!
//! Pure. The rule knows no crowd and no time: nobody may hold more than is left for all others, so whoever takes what he can
//! leaves a half, a second one who does so leaves a third, and a newcomer always finds a place.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use thiserror::Error;

/// Where a call comes from, as far as those who call share what is scarce: what one peer cannot be several of at will.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Origin {
    /// This process itself: no server brought the call.
    Here,
    /// A machine, by its address, of IPv6 by its network: the first 64 bits, since the rest is the peer's to choose. All
    /// loopback addresses are one.
    Network(IpAddr),
    /// A connection that has no address (over a Unix socket, in memory), by its number at its server.
    Connection(u64),
}

/// Places that peers share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places {
    /// How many there are.
    pub all: usize,
    /// Those that somebody holds.
    pub taken: usize,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NoPlace {
    /// So many are not left.
    #[error("{left} of {all} places are left, and {wanted} are wanted")]
    Full {
        /// How many there are.
        all: usize,
        /// Those that are left.
        left: usize,
        /// Those that are wanted.
        wanted: usize,
    },
    /// They are kept for others.
    #[error(
        "{origin} has {held} of {all} places and wants {wanted} more: nobody may have more than are left for all others, \
         and {left} are left"
    )]
    Kept {
        /// Who wants them.
        origin: Origin,
        /// How many there are.
        all: usize,
        /// Those that he has.
        held: usize,
        /// Those that are left.
        left: usize,
        /// Those that he wants.
        wanted: usize,
    },
}

impl Origin {
    /// The machine with this address.
    pub fn of(address: IpAddr) -> Origin {
        let address = address.to_canonical();
        if address.is_loopback() {
            return Origin::Network(Ipv4Addr::LOCALHOST.into());
        }
        Origin::Network(match address {
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
            address @ IpAddr::V4(_) => address,
        })
    }
}

/// `10.0.0.7`, `2001:db8:1:2::/64`, `connection 7`.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Here => f.write_str("this process"),
            Origin::Network(IpAddr::V4(address)) => address.fmt(f),
            Origin::Network(IpAddr::V6(network)) => write!(f, "{network}/64"),
            Origin::Connection(number) => write!(f, "connection {number}"),
        }
    }
}

impl Places {
    /// Whether one who holds so many may have `wanted` more. Afterwards he may not hold more than are left; but one place is
    /// had by who holds none, as long as there is one. This process itself may have all.
    ///
    /// # Errors
    /// [`NoPlace`].
    pub fn check(self, origin: Origin, held: usize, wanted: usize) -> Result<(), NoPlace> {
        let Places { all, taken } = self;
        let left = all.saturating_sub(taken);
        let Some(left_then) = left.checked_sub(wanted) else {
            return Err(NoPlace::Full { all, left, wanted });
        };
        let within = held.saturating_add(wanted) <= left_then.max(1);
        if wanted == 0 || within || origin == Origin::Here {
            return Ok(());
        }
        Err(NoPlace::Kept { origin, all, held, left, wanted })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: usize = 10_000;

    /// How many one may take by ones, while others hold so many.
    fn most(all: usize, others: usize, origin: Origin) -> usize {
        let may = |held: &usize| Places { all, taken: others + held }.check(origin, *held, 1).is_ok();
        (0..).take_while(may).count()
    }

    fn machine(number: u8) -> Origin {
        Origin::of(Ipv4Addr::new(10, 0, 0, number).into())
    }

    #[test]
    fn each_who_takes_all_he_may_leaves_a_place_for_the_next() {
        assert_eq!(most(FULL, 0, machine(1)), 5_000);
        assert_eq!(most(FULL, 5_000, machine(2)), 2_500);
        let mut taken = 0;
        for number in 1..=12 {
            let took = most(FULL, taken, machine(number));
            assert!(took > 0, "{number}");
            taken += took;
        }
        assert!(taken < FULL);
        assert_eq!(most(FULL, 0, Origin::Here), FULL);
    }

    #[test]
    fn the_last_place_is_had_by_who_holds_none_and_by_nobody_else() {
        for all in 1..4 {
            let last = Places { all, taken: all - 1 };
            assert_eq!(last.check(machine(1), 0, 1), Ok(()));
            let kept = NoPlace::Kept { origin: machine(1), all, held: 1, left: 1, wanted: 1 };
            assert_eq!(last.check(machine(1), 1, 1), Err(kept));
            let full = Places { all, taken: all };
            assert_eq!(full.check(machine(2), 0, 1), Err(NoPlace::Full { all, left: 0, wanted: 1 }));
            assert_eq!(full.check(machine(2), all, 0), Ok(()), "who wants nothing takes nothing");
        }
    }

    #[test]
    fn who_wants_many_at_once_has_no_more_than_one_by_one() {
        let places = Places { all: 100, taken: 0 };
        assert_eq!(places.check(machine(1), 0, 50), Ok(()));
        let refused = places.check(machine(1), 0, 51).unwrap_err().to_string();
        assert_eq!(
            refused,
            "10.0.0.1 has 0 of 100 places and wants 51 more: nobody may have more than are left for all others, and 100 \
             are left"
        );
        assert!(places.check(machine(1), usize::MAX, 1).is_err());
        assert!(places.check(machine(1), 0, usize::MAX).is_err());
    }

    #[test]
    fn an_origin_is_what_a_peer_cannot_choose() {
        let shown = |text: &str| Origin::of(text.parse().unwrap()).to_string();
        assert_eq!(shown("10.0.0.7"), "10.0.0.7");
        assert_eq!(shown("::ffff:10.0.0.7"), "10.0.0.7");
        assert_eq!(shown("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        for loopback in ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"] {
            assert_eq!(shown(loopback), "127.0.0.1");
        }
        assert_eq!(Origin::Connection(7).to_string(), "connection 7");
    }
}
