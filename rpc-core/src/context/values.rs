//! What layers have found out about a call, one value a type.

use std::any::Any;
use std::panic::RefUnwindSafe;
use std::sync::Arc;

/// A chain, the latest first; contexts that are made from one another share its tail.
#[derive(Clone, Default)]
pub(super) struct Values(Option<Arc<Held>>);

struct Held {
    value: Arc<dyn Any + Send + Sync>,
    earlier: Values,
}

/// What a panic may leave half done is guarded as in any value that threads share: a context is not more careful with it.
impl RefUnwindSafe for Held {}

impl Values {
    pub(super) fn with<T: Any + Send + Sync>(&self, value: T) -> Values {
        Values(Some(Arc::new(Held { value: Arc::new(value), earlier: self.clone() })))
    }

    pub(super) fn latest<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        let links = std::iter::successors(self.0.as_ref(), |held| held.earlier.0.as_ref());
        links.into_iter().find_map(|held| held.value.clone().downcast().ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_value_of_a_type_counts_and_others_keep_theirs() {
        let none = Values::default();
        let one = none.with(1u8).with("one");
        let two = one.with(2u8);
        assert_eq!(none.latest::<u8>(), None);
        assert_eq!((one.latest::<u8>().as_deref(), two.latest::<u8>().as_deref()), (Some(&1), Some(&2)));
        assert_eq!(two.latest::<&str>().as_deref(), Some(&"one"));
    }
}
