//! Names in use, each once.

use std::collections::HashMap;

use chat_api::NameKey;

/// What stands under each name; no two names that clash are in it.
#[derive(Debug)]
pub(crate) struct Names<T> {
    held: HashMap<Box<str>, T>,
    /// The identity of the name that has this look.
    looks: HashMap<Box<str>, Box<str>>,
}

impl<T> Names<T> {
    pub(crate) fn new() -> Names<T> {
        Names { held: HashMap::new(), looks: HashMap::new() }
    }

    /// What stands under this name, in any of its spellings.
    pub(crate) fn find(&self, key: &NameKey) -> Option<&T> {
        self.held.get(key.identity())
    }

    /// What stands in the way of this name: the name itself, and one that looks like it.
    pub(crate) fn clashes(&self, key: &NameKey) -> impl Iterator<Item = &T> {
        let alike = self.looks.get(key.look()).filter(|identity| identity.as_ref() != key.identity());
        self.find(key).into_iter().chain(alike.and_then(|identity| self.held.get(identity)))
    }

    /// Puts something under a name; given back if the name is taken.
    pub(crate) fn insert(&mut self, key: &NameKey, held: T) -> Result<(), T> {
        if self.clashes(key).next().is_some() {
            return Err(held);
        }
        self.looks.insert(key.look().into(), key.identity().into());
        self.held.insert(key.identity().into(), held);
        Ok(())
    }

    /// Frees a name.
    pub(crate) fn remove(&mut self, key: &NameKey) -> Option<T> {
        let held = self.held.remove(key.identity())?;
        self.looks.remove(key.look());
        Some(held)
    }
}

#[cfg(test)]
mod tests {
    use chat_api::Username;

    use super::*;

    fn key(name: &str) -> NameKey {
        Username::parse(name).unwrap().key()
    }

    #[test]
    fn one_name_can_clash_with_two() {
        let mut names = Names::new();
        assert_eq!(names.insert(&key("iuis"), 1), Ok(()));
        assert_eq!(names.insert(&key("luis"), 2), Ok(()));
        assert_eq!(names.clashes(&key("Iuis")).collect::<Vec<_>>(), [&1, &2]);
    }

    #[test]
    fn a_name_and_its_look_are_free_again_after_its_removal() {
        let mut names = Names::new();
        assert_eq!(names.insert(&key("BOB"), 1), Ok(()));
        assert_eq!(names.insert(&key("bob"), 2), Err(2));
        assert_eq!(names.insert(&key("ВОВ"), 3), Err(3));
        assert_eq!(names.find(&key("ВОВ")), None);
        assert_eq!(names.remove(&key("Bob")), Some(1));
        assert_eq!(names.remove(&key("Bob")), None);
        assert_eq!(names.insert(&key("ВОВ"), 3), Ok(()));
        assert_eq!(names.clashes(&key("bob")).collect::<Vec<_>>(), [&3]);
    }
}
