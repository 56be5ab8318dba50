//! How many servers hold names, and how many of them are silent.
//!
//! An id is a server. Who sends none has a lease for each procedure, so those at one place are one server together, which is
//! silent when all of them are: its end is no mass expiry.

use std::collections::HashMap;

use super::Standing;
use crate::address::Place;
use crate::identity::Instance;

#[derive(Debug, Default)]
pub(super) struct Crowd {
    named: Leases,
    places: HashMap<Place, Leases>,
    silent_places: usize,
}

/// Leases, as they stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Leases {
    live: usize,
    suspect: usize,
}

impl Crowd {
    pub(super) fn servers(&self) -> usize {
        self.named.live + self.named.suspect + self.places.len()
    }

    pub(super) fn silent(&self) -> usize {
        self.named.suspect + self.silent_places
    }

    /// A lease stands so from now on.
    pub(super) fn enter(&mut self, instance: &Instance, standing: Standing) {
        self.change(instance, |leases| {
            if let Some(count) = leases.of(standing) {
                *count += 1;
            }
        });
    }

    /// A lease that stood so does so no more.
    pub(super) fn leave(&mut self, instance: &Instance, standing: Standing) {
        self.change(instance, |leases| {
            if let Some(count) = leases.of(standing) {
                *count -= 1;
            }
        });
    }

    fn change(&mut self, instance: &Instance, change: impl FnOnce(&mut Leases)) {
        let Instance::At(at) = instance else { return change(&mut self.named) };
        let (place, _) = &**at;
        let before = self.places.get(place).copied().unwrap_or_default();
        let mut after = before;
        change(&mut after);
        self.silent_places =
            self.silent_places + usize::from(after.is_silent()) - usize::from(before.is_silent());
        if after == Leases::default() {
            self.places.remove(place);
        } else {
            self.places.insert(place.clone(), after);
        }
    }
}

impl Leases {
    /// Who holds nothing is not counted.
    fn of(&mut self, standing: Standing) -> Option<&mut usize> {
        match standing {
            Standing::Live => Some(&mut self.live),
            Standing::Suspect => Some(&mut self.suspect),
            Standing::Idle => None,
        }
    }

    fn is_silent(self) -> bool {
        self.live == 0 && self.suspect > 0
    }
}
