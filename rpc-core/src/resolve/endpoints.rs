//! A list of servers that do the same.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::num::NonZeroU16;
use std::sync::Arc;

use super::Endpoint;
use crate::limits::ENDPOINTS;

/// Where a procedure is served: one answer of a resolver. Cheap to clone.
///
/// ```
/// use rpc_core::{Endpoint, Endpoints, Weighted};
///
/// let place = |host| Endpoint::new(host, 4000);
/// let even = Endpoints::from_iter([place("10.0.0.1"), place("10.0.0.2")]);
/// let uneven = Endpoints::from_iter([Weighted::new(place("10.0.0.1"), 3), Weighted::new(place("10.0.0.2"), 1)]);
/// # assert_eq!((even.len(), uneven.len()), (2, 2));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    revision: Revision,
    list: Arc<[Weighted]>,
}

/// Which answer of a resolver this is. It differs from that of the same procedure's last answer if anything changed: the
/// list, or what stands at its addresses. It need not grow.
///
/// A list that is given none has one made of its endpoints and weights: another list is another answer, the same is the
/// same. What stands at its addresses only the resolver knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Revision(pub u64);

/// An endpoint, and its share of the calls.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Weighted {
    /// Where it is.
    pub endpoint: Endpoint,
    /// Its share of the calls, beside the others' weights.
    pub weight: NonZeroU16,
}

impl Weighted {
    /// An endpoint with a weight of 1 to 65,535; 0 counts as 1.
    pub fn new(endpoint: Endpoint, weight: u16) -> Weighted {
        Weighted { endpoint, weight: NonZeroU16::new(weight).unwrap_or(NonZeroU16::MIN) }
    }
}

impl From<Endpoint> for Weighted {
    fn from(endpoint: Endpoint) -> Weighted {
        Weighted { endpoint, weight: NonZeroU16::MIN }
    }
}

impl Endpoints {
    /// The same list as another answer.
    #[must_use]
    pub fn with_revision(self, revision: Revision) -> Endpoints {
        Endpoints { revision, ..self }
    }

    /// Which answer this is.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// The endpoints in the resolver's order, each once.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Weighted> {
        self.list.iter()
    }

    /// How many there are; at most [`ENDPOINTS`].
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether this endpoint is in the list.
    pub fn contains(&self, endpoint: &Endpoint) -> bool {
        self.iter().any(|held| held.endpoint == *endpoint)
    }
}

/// A list of one.
impl From<Endpoint> for Endpoints {
    fn from(endpoint: Endpoint) -> Endpoints {
        std::iter::once(endpoint).collect()
    }
}

/// Of an endpoint that comes twice the first weight counts; what comes after the first [`ENDPOINTS`] is left out.
impl<W: Into<Weighted>> FromIterator<W> for Endpoints {
    fn from_iter<I: IntoIterator<Item = W>>(endpoints: I) -> Endpoints {
        let mut list: Vec<Weighted> = Vec::new();
        for weighted in endpoints.into_iter().map(Into::into) {
            if list.len() < ENDPOINTS && list.iter().all(|held| held.endpoint != weighted.endpoint) {
                list.push(weighted);
            }
        }
        let mut hasher = DefaultHasher::new();
        list.hash(&mut hasher);
        Endpoints { revision: Revision(hasher.finish()), list: list.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(port: usize) -> Endpoint {
        Endpoint::new("10.0.0.1", u16::try_from(port).unwrap())
    }

    #[test]
    fn a_list_holds_each_endpoint_once_and_ends_at_its_limit() {
        let list: Endpoints = (0..ENDPOINTS).chain(0..9).map(endpoint).collect();
        assert_eq!(list.len(), ENDPOINTS);
        let list: Endpoints = (0..=ENDPOINTS).map(endpoint).collect();
        assert_eq!(list.len(), ENDPOINTS);
        assert!(!list.contains(&endpoint(ENDPOINTS)));
        let twice: Endpoints = [(1, 3), (1, 5)]
            .map(|(port, weight)| Weighted::new(endpoint(port), weight))
            .into_iter()
            .collect();
        assert_eq!(twice.iter().map(|held| held.weight.get()).collect::<Vec<_>>(), [3]);
    }

    #[test]
    fn a_list_without_a_revision_is_another_answer_when_it_is_another_list() {
        let revision = |list: &[(usize, u16)]| {
            let list = list.iter().map(|(port, weight)| Weighted::new(endpoint(*port), *weight));
            Endpoints::from_iter(list).revision()
        };
        let list = [(1, 1), (2, 1)];
        assert_eq!(revision(&list), revision(&list));
        for other in [&[][..], &[(1, 1)], &[(2, 1), (1, 1)], &[(1, 1), (2, 2)], &[(1, 1), (3, 1)]] {
            assert_ne!(revision(&list), revision(other), "{other:?}");
        }
        assert_eq!(Endpoints::from(endpoint(1)).with_revision(Revision(7)).revision(), Revision(7));
    }

    #[test]
    fn a_weight_is_at_least_one() {
        assert_eq!(Weighted::new(endpoint(1), 0), Weighted::from(endpoint(1)));
    }
}
