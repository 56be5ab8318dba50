//! What time does to a registry: leases that are renewed, that end, and that are kept although they have ended.

use std::time::{Duration, Instant};

use super::guard::GuardNews;
use super::record::Health;
use super::{PAUSE_SHARE, Registry};
use crate::contract::Departure;
use crate::identity::{Instance, Owner};
use crate::name::ProcedureName;

/// What has happened by itself since the last sweep.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Sweep {
    /// Servers that have become suspect.
    pub(crate) suspects: usize,
    /// Registrations that have gone with their servers' leases.
    pub(crate) gone: usize,
    /// What the guard did, in order.
    pub(crate) guard: Vec<GuardNews>,
}

impl Registry {
    /// Looks at the clock, and says what has happened by itself since the last sweep.
    ///
    /// To be called at least every [`PAUSE_SHARE`]th part of the shortest lease: nothing ends while nobody looks.
    pub(crate) fn sweep(&mut self, now: Instant) -> Sweep {
        self.look(now);
        std::mem::take(&mut self.report)
    }

    /// Ends the leases whose time is over, and returns a time that never runs backwards.
    ///
    /// A gap of more than [`PAUSE_SHARE`] of a lease since the last look means that the binder stood still. Renewals
    /// may wait unread then, so every such lease gets a fresh full term.
    pub(super) fn look(&mut self, now: Instant) -> Instant {
        let now = now.max(self.looked);
        let gap = now - self.looked;
        if gap > self.terms.shortest() / PAUSE_SHARE {
            self.leases.forgive(gap, PAUSE_SHARE, now);
        }
        self.looked = now;
        self.leases.drop_idle(now);
        self.removals.drop_ended(now);
        self.lower_guard(now);
        self.suspect_leases(now);
        self.end_leases(now);
        self.history.commit();
        now
    }

    fn lower_guard(&mut self, now: Instant) {
        let news = self.guard.fall(self.leases.suspects(), self.leases.servers(), now);
        self.report.guard.extend(news);
        if news == Some(GuardNews::Recovered) {
            // What kept most away kept the others away too: they may be a moment behind.
            self.leases.spare_suspects(now);
        }
        // Those whom the guard kept until its time was over go before anybody is counted again.
        self.end_leases(now);
    }

    fn suspect_leases(&mut self, now: Instant) {
        let before = self.leases.suspects();
        while let Some(instance) = self.leases.suspect_ended(now) {
            self.doubt(&instance, None);
        }
        // Nothing else happens to leases meanwhile.
        let lapsed = self.leases.suspects().saturating_sub(before);
        if lapsed > 0 {
            self.report.suspects = self.report.suspects.saturating_add(lapsed);
            let news = self.guard.rise(self.leases.suspects(), self.leases.servers(), now);
            self.report.guard.extend(news);
        }
    }

    /// Ends the leases of suspects whose time is over, unless the guard is on.
    fn end_leases(&mut self, now: Instant) {
        if self.guard.on_since().is_some() {
            return;
        }
        while let Some((instance, lease)) = self.leases.take_ended(now) {
            self.report.gone = self.report.gone.saturating_add(lease.names.len());
            for name in &lease.names {
                self.strike(name, &instance, Departure::Expired);
            }
        }
    }

    /// Makes the owner's lease live, and with it all records that it covers. Those of a former start are doubted instead,
    /// but for the one that is about to be replaced.
    pub(super) fn renew_lease(
        &mut self,
        owner: &Owner,
        term: Duration,
        replaced: Option<&ProcedureName>,
        now: Instant,
    ) {
        let former = self.leases.get(&owner.instance).map(|lease| (lease.incarnation, lease.health));
        self.leases.renew(owner, term, now);
        match former {
            Some((incarnation, _)) if incarnation != owner.incarnation => {
                self.doubt(&owner.instance, replaced);
            }
            Some((_, Health::Suspect)) => self.trust(&owner.instance),
            _ => {}
        }
    }

    fn doubt(&mut self, instance: &Instance, except: Option<&ProcedureName>) {
        let Some(lease) = self.leases.get(instance) else { return };
        let names: Vec<_> = lease.names.iter().filter(|name| Some(*name) != except).cloned().collect();
        for name in &names {
            self.change(name, instance, |record| record.health = Health::Suspect);
        }
    }

    fn trust(&mut self, instance: &Instance) {
        let Some(lease) = self.leases.get(instance) else { return };
        let names: Vec<_> = lease.names.difference(&lease.inherited).cloned().collect();
        for name in &names {
            self.change(name, instance, |record| record.health = Health::Live);
        }
    }
}
