//! The records of a registry, by name and by age under one name.
//!
//! All records of a name have one mode, an exclusive name has one record, and an instance has one record of a name.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use super::record::Record;
use crate::identity::Instance;
use crate::name::ProcedureName;
use crate::selection::Selection;

#[derive(Debug, Default)]
pub(super) struct Book {
    names: BTreeMap<ProcedureName, Vec<Arc<Record>>>,
    records: usize,
}

impl Book {
    /// The records of a name, the oldest first.
    pub(super) fn of(&self, name: &ProcedureName) -> &[Arc<Record>] {
        self.names.get(name).map_or(&[], Vec::as_slice)
    }

    /// The same name, in the memory that its records share if there are any.
    pub(super) fn shared(&self, name: ProcedureName) -> ProcedureName {
        self.names.get_key_value(&name).map_or(name, |(held, _)| held.clone())
    }

    pub(super) fn find(&self, name: &ProcedureName, instance: &Instance) -> Option<&Arc<Record>> {
        self.of(name).iter().find(|record| record.owner.instance == *instance)
    }

    /// All records, in order.
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Record>> {
        self.names.values().flatten()
    }

    /// The registration with this epoch.
    pub(super) fn exactly(&self, name: &ProcedureName, epoch: u64) -> Option<&Arc<Record>> {
        self.of(name).iter().find(|record| record.epoch == epoch)
    }

    /// Puts a record in the place of the one that its instance has, which is returned.
    pub(super) fn put(&mut self, record: Arc<Record>) -> Option<Arc<Record>> {
        let former = self.remove(&record.name, &record.owner.instance);
        let records = self.names.entry(record.name.clone()).or_default();
        let place = records.partition_point(|held| held.epoch < record.epoch);
        records.insert(place, record);
        self.records += 1;
        former
    }

    pub(super) fn remove(&mut self, name: &ProcedureName, instance: &Instance) -> Option<Arc<Record>> {
        let records = self.names.get_mut(name)?;
        let place = records.iter().position(|record| record.owner.instance == *instance)?;
        let former = records.remove(place);
        if records.is_empty() {
            self.names.remove(name);
        }
        self.records -= 1;
        Some(former)
    }

    /// All records behind this name and epoch, in order.
    pub(super) fn behind<'a>(
        &'a self,
        after: Option<(&'a str, u64)>,
        prefix: &'a str,
    ) -> impl Iterator<Item = &'a Arc<Record>> {
        let (name, epoch) = after.unwrap_or(("", 0));
        let from = name.max(prefix);
        let names = self.names.range::<str, _>((Bound::Included(from), Bound::Unbounded));
        let names = names.take_while(move |(held, _)| held.as_str().starts_with(prefix));
        names.flat_map(move |(held, records)| {
            let known = after.is_some() && held.as_str() == name;
            records.iter().filter(move |record| !known || record.epoch > epoch)
        })
    }

    /// The selected names behind this one that somebody serves, in order, each with all its records.
    pub(super) fn selected<'a>(
        &'a self,
        selection: &'a Selection,
        after: Option<&'a ProcedureName>,
    ) -> Box<dyn Iterator<Item = (&'a ProcedureName, &'a [Arc<Record>])> + 'a> {
        let after = after.map_or(Bound::Unbounded, Bound::Excluded);
        match selection {
            Selection::Names(names) => {
                let names = names.range::<ProcedureName, _>((after, Bound::Unbounded));
                Box::new(names.map(|name| (name, self.of(name))).filter(|(_, records)| !records.is_empty()))
            }
            Selection::Prefix(prefix) => {
                let from = match after {
                    Bound::Excluded(name) => Bound::Excluded(name.as_str()),
                    _ => Bound::Included(&**prefix),
                };
                let names = self.names.range::<str, _>((from, Bound::Unbounded));
                let names = names.take_while(|(name, _)| name.as_str().starts_with(&**prefix));
                Box::new(names.map(|(name, records)| (name, records.as_slice())))
            }
        }
    }

    pub(super) fn records(&self) -> usize {
        self.records
    }

    pub(super) fn names(&self) -> usize {
        self.names.len()
    }
}
