//! The model: rows and terms in plain lists.

use super::*;

#[derive(Clone, Debug)]
struct Row {
    name: String,
    owner: Owner,
    port: u16,
    epoch: u64,
    rank: u64,
    mode: Mode,
    intent: Intent,
    doubted: Health,
}

#[derive(Clone, Debug)]
struct Term {
    owner: Owner,
    length: Duration,
    /// When it becomes suspect, or goes.
    ends: Instant,
    health: Health,
    lost: Vec<Loss>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Removal {
    ends: Instant,
    instance: Instance,
    name: String,
    incarnation: u64,
}

#[derive(Debug)]
pub(super) struct Plain {
    pub(super) terms: Terms,
    rows: Vec<Row>,
    leases: Vec<Term>,
    removals: Vec<Removal>,
    pub(super) epoch: u64,
    looked: Instant,
    guarded_since: Option<Instant>,
}

type Seen = (String, Instance, u16, u64, State, Duration);

fn holds(rows: &[Row], lease: &Term) -> bool {
    rows.iter().any(|row| row.owner.instance == lease.owner.instance)
}

impl Plain {
    pub(super) fn new(terms: Terms, epoch: u64, now: Instant) -> Plain {
        let (rows, leases, removals) = (Vec::new(), Vec::new(), Vec::new());
        Plain { terms, rows, leases, removals, epoch, looked: now, guarded_since: None }
    }

    pub(super) fn look(&mut self, now: Instant) {
        let gap = now - self.looked;
        self.looked = now;
        for lease in self.leases.iter_mut().filter(|lease| gap > lease.length / PAUSE_SHARE) {
            lease.ends = now + lease.length;
        }
        let rows = &self.rows;
        self.leases.retain(|lease| holds(rows, lease) || lease.ends > now);
        if self.guarded_since.is_some() && !self.most_are_silent() {
            self.guarded_since = None;
            let rows = &self.rows;
            let silent = |lease: &&mut Term| lease.health == Health::Suspect && holds(rows, lease);
            for lease in self.leases.iter_mut().filter(silent) {
                lease.ends = now + lease.length;
            }
        } else if self.guarded_since.is_some_and(|since| now - since >= GUARD_TIME) {
            self.guarded_since = None;
        }
        self.bury(now);
        self.removals.retain(|removal| removal.ends > now);
        let (_, silent) = self.servers();
        let rows = &self.rows;
        let lapses =
            |lease: &&mut Term| lease.health == Health::Live && lease.ends <= now && holds(rows, lease);
        for lease in self.leases.iter_mut().filter(lapses) {
            lease.health = Health::Suspect;
            lease.ends += lease.length;
        }
        if self.servers().1 > silent
            && self.guarded_since.is_none()
            && self.servers().0 >= GUARD_LEASES
            && self.most_are_silent()
        {
            self.guarded_since = Some(now);
        }
        self.bury(now);
    }

    fn most_are_silent(&self) -> bool {
        let (servers, silent) = self.servers();
        silent * 2 > servers
    }

    fn bury(&mut self, now: Instant) {
        let (rows, guarded) = (&self.rows, self.guarded_since.is_some());
        let stays = |lease: &Term| holds(rows, lease) && (guarded || lease.health == Health::Live);
        self.leases.retain(|lease| stays(lease) || lease.ends > now);
        self.drop_orphans();
    }

    fn drop_orphans(&mut self) {
        let leases = &self.leases;
        self.rows.retain(|row| leases.iter().any(|lease| lease.owner.instance == row.owner.instance));
    }

    fn lease(&mut self, instance: &Instance) -> Option<&mut Term> {
        self.leases.iter_mut().find(|lease| lease.owner.instance == *instance)
    }

    fn is_ghost(&mut self, owner: &Owner) -> bool {
        self.lease(&owner.instance).is_some_and(|lease| lease.owner.incarnation > owner.incarnation)
    }

    fn has_lease(&mut self, owner: &Owner) -> bool {
        self.lease(&owner.instance).is_some_and(|lease| lease.owner == *owner)
    }

    fn covered_by(&self, instance: &Instance) -> Vec<String> {
        let rows = self.rows.iter().filter(|row| row.owner.instance == *instance).map(|row| row.name.clone());
        let leases = self.leases.iter().filter(|lease| lease.owner.instance == *instance);
        rows.chain(leases.flat_map(|lease| lease.lost.iter().map(|loss| loss.name.clone()))).collect()
    }

    /// The epoch, or nothing where the registry refuses.
    pub(super) fn register(
        &mut self,
        owner: &Owner,
        offered: &Offered,
        wish: Option<Duration>,
        now: Instant,
    ) -> Option<u64> {
        let Offered { ref name, ref place, mode, claim, .. } = *offered;
        let (name, port) = (name.as_str(), place.port());
        let others: Vec<Row> = self
            .rows
            .iter()
            .filter(|row| row.name == name && row.owner.instance != owner.instance)
            .cloned()
            .collect();
        let proven = claim.map(|claim| if claim > self.epoch { 0 } else { claim });
        let is_loser = |row: &Row| (mode == Mode::Exclusive || row.mode != mode) && Some(row.rank) > proven;
        let lost = proven.is_some() && others.iter().any(is_loser);
        let kept_out = self.is_kept_out(owner, name);
        let mixed = others.iter().any(|row| row.mode != mode && self.health(row) == Health::Live);
        let own = self.rows.iter().position(|row| row.name == name && row.owner.instance == owner.instance);
        let crowded = mode == Mode::Shared
            && own.is_none()
            && others.iter().filter(|row| row.mode == mode).count() >= self.terms.servers_per_name;
        let covered = self.covered_by(&owner.instance);
        let full = !covered.iter().any(|covered| covered == name)
            && (covered.len() >= self.terms.names_per_lease || self.size() >= self.terms.registrations);
        if self.is_ghost(owner) || kept_out || lost || mixed || crowded || full {
            return None;
        }
        self.hear(owner, wish, now);
        self.lease(&owner.instance).unwrap().lost.retain(|loss| loss.name != name);
        let former = own.map(|place| self.rows.remove(place)).filter(|row| row.owner == *owner);
        let (epoch, rank, intent) = match former {
            Some(row) => (row.epoch, row.rank, row.intent),
            None => {
                self.epoch += 1;
                (self.epoch, claim.unwrap_or(self.epoch).min(self.epoch), Intent::Stay)
            }
        };
        for loser in others.iter().filter(|row| mode == Mode::Exclusive || row.mode != mode) {
            self.take(loser, LossReason::Superseded { epoch });
        }
        let (name, owner, doubted) = (name.to_owned(), owner.clone(), Health::Live);
        self.rows.push(Row { name, owner, port, epoch, rank, mode, intent, doubted });
        Some(epoch)
    }

    /// The lease lives; what a former start had is doubted until this one registers it.
    fn hear(&mut self, owner: &Owner, wish: Option<Duration>, now: Instant) {
        let length = wish.unwrap_or(self.terms.lease);
        let is_new_start = !self.has_lease(owner);
        let lost = self.lease(&owner.instance).filter(|_| !is_new_start).map(|lease| lease.lost.clone());
        self.leases.retain(|lease| lease.owner.instance != owner.instance);
        let (owner, health, ends) = (owner.clone(), Health::Live, now + length);
        for row in self.rows.iter_mut().filter(|row| is_new_start && row.owner.instance == owner.instance) {
            row.doubted = Health::Suspect;
        }
        self.leases.push(Term { owner, length, ends, health, lost: lost.unwrap_or_default() });
    }

    fn take(&mut self, row: &Row, why: LossReason) {
        self.rows.retain(|held| held.epoch != row.epoch);
        let loss = Loss { name: row.name.clone(), why };
        let lease = self.lease(&row.owner.instance).unwrap();
        if lease.owner == row.owner {
            lease.lost.push(loss);
        }
        let rows = &self.rows;
        let is_empty = |lease: &Term| lease.lost.is_empty() && !holds(rows, lease);
        self.leases.retain(|lease| lease.owner.instance != row.owner.instance || !is_empty(lease));
    }

    /// Whether it was removed, or lost this and does not know it.
    fn is_kept_out(&mut self, owner: &Owner, name: &str) -> bool {
        let Instance::Named(_) = owner.instance else { return false };
        let taken = |loss: &Loss| loss.name == name && matches!(loss.why, LossReason::Superseded { .. });
        let is_untold = self.leases.iter().any(|lease| lease.owner == *owner && lease.lost.iter().any(taken));
        let keeps_out = |removal: &Removal| {
            removal.instance == owner.instance
                && removal.name == name
                && removal.incarnation >= owner.incarnation
        };
        is_untold || self.removals.iter().any(keeps_out)
    }

    /// No answer for a ghost.
    pub(super) fn renew(&mut self, owner: &Owner, now: Instant) -> Option<Renewal> {
        if self.is_ghost(owner) {
            return None;
        }
        if !self.has_lease(owner) {
            return Some(Renewal::UnknownLease);
        }
        self.hear(owner, None, now);
        self.rows.retain(|row| row.owner.instance != owner.instance || row.doubted == Health::Live);
        let mut lost = self.lease(&owner.instance).unwrap().lost.clone();
        lost.sort_by(|one, other| one.name.cmp(&other.name));
        self.drop_empty();
        Some(Renewal::Renewed { lease_ms: millis(self.terms.lease), lost })
    }

    pub(super) fn unregister(&mut self, owner: &Owner, names: &[String]) {
        for name in names {
            if self.has_lease(owner) {
                self.rows.retain(|row| row.owner.instance != owner.instance || row.name != *name);
                self.lease(&owner.instance).unwrap().lost.retain(|loss| loss.name != *name);
            }
            self.drop_empty();
        }
    }

    fn drop_empty(&mut self) {
        let rows = &self.rows;
        self.leases.retain(|lease| !lease.lost.is_empty() || holds(rows, lease));
    }

    pub(super) fn intend(&mut self, owner: &Owner, name: &str, intent: Intent) {
        if self.has_lease(owner) {
            let own = |row: &&mut Row| row.owner.instance == owner.instance && row.name == name;
            self.rows.iter_mut().filter(own).for_each(|row| row.intent = intent);
        }
    }

    /// The epoch of one of the name's rows; one that no row has if there are not as many.
    pub(super) fn epoch_of(&self, name: &str, which: usize) -> u64 {
        self.rows.iter().filter(|row| row.name == name).nth(which).map_or(0, |row| row.epoch)
    }

    /// Whether it was there, and one of those who are meant.
    pub(super) fn remove(&mut self, name: &str, epoch: u64, whose: Whoever, now: Instant) -> bool {
        let found = self.rows.iter().find(|row| row.name == name && row.epoch == epoch).cloned();
        let Some(row) = found.filter(|row| whose == Whoever::Any || self.health(row) == Health::Suspect)
        else {
            return false;
        };
        self.take(&row, LossReason::Removed);
        let Owner { instance, incarnation } = row.owner;
        if matches!(instance, Instance::Named(_)) {
            self.removals.retain(|removal| removal.instance != instance || removal.name != name);
            let (name, ends) = (name.to_owned(), now + REMOVED_FOR);
            self.removals.push(Removal { ends, instance, name, incarnation });
            self.removals.sort();
            let over = self.removals.len().saturating_sub(self.terms.registrations);
            self.removals.drain(..over);
        }
        true
    }

    fn health(&self, row: &Row) -> Health {
        match self.leases.iter().find(|lease| lease.owner.instance == row.owner.instance) {
            Some(lease) if lease.health == Health::Live => row.doubted,
            _ => Health::Suspect,
        }
    }

    pub(super) fn restart(&mut self, epoch: u64, now: Instant) {
        self.epoch = epoch;
        self.guarded_since = None;
        for lease in &mut self.leases {
            (lease.health, lease.ends) = (Health::Live, now + lease.length);
        }
    }

    pub(super) fn rows(&self, now: Instant) -> BTreeSet<Seen> {
        let seen = |row: &Row| {
            let lease = self.leases.iter().find(|lease| lease.owner.instance == row.owner.instance).unwrap();
            let live = lease.health == Health::Live;
            let state = match (live && row.doubted == Health::Live, row.intent) {
                (false, _) => State::Suspect,
                (true, Intent::Drain) => State::Draining,
                (true, Intent::Stay) => State::Live,
            };
            let left = if live { lease.ends - now } else { Duration::ZERO };
            (row.name.clone(), row.owner.instance.clone(), row.port, row.epoch, state, left)
        };
        self.rows.iter().map(seen).collect()
    }

    pub(super) fn size(&self) -> usize {
        self.rows.len() + self.leases.iter().map(|lease| lease.lost.len()).sum::<usize>()
    }

    /// How many servers hold a name, and how many of them are silent: those without an id are one at each place, which is
    /// silent when all of it is.
    pub(super) fn servers(&self) -> (usize, usize) {
        let holding = || self.leases.iter().filter(|lease| holds(&self.rows, lease));
        let server = |lease: &Term| match &lease.owner.instance {
            Instance::At(at) => Err(at.0.clone()),
            Instance::Named(_) => Ok(lease.owner.instance.clone()),
        };
        let all: BTreeSet<_> = holding().map(server).collect();
        let heard: BTreeSet<_> = holding().filter(|lease| lease.health == Health::Live).map(server).collect();
        (all.len(), all.len() - heard.len())
    }

    pub(super) fn is_guarded(&self) -> bool {
        self.guarded_since.is_some()
    }
}
