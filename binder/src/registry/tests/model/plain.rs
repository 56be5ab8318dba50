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

#[derive(Debug)]
pub(super) struct Plain {
    pub(super) terms: Terms,
    rows: Vec<Row>,
    leases: Vec<Term>,
    epoch: u64,
    looked: Instant,
    guarded_since: Option<Instant>,
}

type Seen = (String, Instance, u16, u64, State, Duration);

fn holds(rows: &[Row], lease: &Term) -> bool {
    rows.iter().any(|row| row.owner.instance == lease.owner.instance)
}

impl Plain {
    pub(super) fn new(terms: Terms, now: Instant) -> Plain {
        Plain { terms, rows: Vec::new(), leases: Vec::new(), epoch: 0, looked: now, guarded_since: None }
    }

    pub(super) fn look(&mut self, now: Instant) {
        let gap = now - self.looked;
        self.looked = now;
        for lease in self.leases.iter_mut().filter(|lease| gap > lease.length / PAUSE_SHARE) {
            lease.ends = now + lease.length;
        }
        if self.guarded_since.is_some() && !self.most_are_silent() {
            self.guarded_since = None;
            for lease in self.leases.iter_mut().filter(|lease| lease.health == Health::Suspect) {
                lease.ends = now + lease.length;
            }
        } else if self.guarded_since.is_some_and(|since| now - since >= GUARD_TIME) {
            self.guarded_since = None;
        }
        self.bury(now);
        let rows = &self.rows;
        let mut some_lapsed = false;
        let lapses =
            |lease: &&mut Term| lease.health == Health::Live && lease.ends <= now && holds(rows, lease);
        for lease in self.leases.iter_mut().filter(lapses) {
            some_lapsed = true;
            lease.health = Health::Suspect;
            lease.ends += lease.length;
        }
        if some_lapsed
            && self.guarded_since.is_none()
            && self.leases().0 >= GUARD_LEASES
            && self.most_are_silent()
        {
            self.guarded_since = Some(now);
        }
        self.bury(now);
    }

    fn most_are_silent(&self) -> bool {
        let (leases, silent) = self.leases();
        silent * 2 > leases
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
        name: &str,
        port: u16,
        offered: &Offered,
        wish: Option<Duration>,
        now: Instant,
    ) -> Option<u64> {
        let (mode, claim) = (offered.mode, offered.claim);
        let others: Vec<Row> = self
            .rows
            .iter()
            .filter(|row| row.name == name && row.owner.instance != owner.instance)
            .cloned()
            .collect();
        let health = |plain: &mut Plain, row: &Row| match plain.lease(&row.owner.instance) {
            Some(lease) if lease.health == Health::Live => row.doubted,
            _ => Health::Suspect,
        };
        let is_loser = |row: &Row| (mode == Mode::Exclusive || row.mode != mode) && Some(row.rank) > claim;
        let lost = claim.is_some() && others.iter().any(is_loser);
        let mixed = others.iter().any(|row| row.mode != mode && health(self, row) == Health::Live);
        let own = self.rows.iter().position(|row| row.name == name && row.owner.instance == owner.instance);
        let crowded = mode == Mode::Shared
            && own.is_none()
            && others.iter().filter(|row| row.mode == mode).count() >= self.terms.servers_per_name;
        let covered = self.covered_by(&owner.instance);
        let full = !covered.iter().any(|covered| covered == name)
            && (covered.len() >= self.terms.names_per_lease || self.size() >= self.terms.registrations);
        if self.is_ghost(owner) || lost || mixed || crowded || full {
            return None;
        }
        self.hear(owner, wish, now);
        self.lease(&owner.instance).unwrap().lost.retain(|loss| loss.name != name);
        let former = own.map(|place| self.rows.remove(place)).filter(|row| row.owner == *owner);
        let (epoch, rank, intent) = match former {
            Some(row) => (row.epoch, row.rank, row.intent),
            None => {
                self.epoch += 1;
                (self.epoch, claim.unwrap_or(self.epoch), Intent::Stay)
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
        self.lease(&row.owner.instance).unwrap().lost.push(loss);
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

    pub(super) fn remove(&mut self, name: &str, epoch: u64) {
        let found = self.rows.iter().find(|row| row.name == name && row.epoch == epoch).cloned();
        if let Some(row) = found {
            self.take(&row, LossReason::Removed);
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

    /// How many leases hold a name, and how many of them are suspect.
    pub(super) fn leases(&self) -> (usize, usize) {
        let holding = || self.leases.iter().filter(|lease| holds(&self.rows, lease));
        (holding().count(), holding().filter(|lease| lease.health == Health::Suspect).count())
    }

    pub(super) fn is_guarded(&self) -> bool {
        self.guarded_since.is_some()
    }
}
