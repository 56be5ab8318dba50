//! The endpoints of one procedure as a client uses them, and the choice among them. No I/O, no waiting.

use std::sync::Arc;
use std::time::Instant;

use super::choice::Choice;
use super::link::Link;
use crate::resolve::Revision;

/// The links to one list of endpoints.
#[derive(Debug)]
pub(super) struct Group {
    revision: Revision,
    places: Vec<Place>,
    /// Where round robin went last.
    turn: usize,
}

#[derive(Debug)]
struct Place {
    link: Arc<Link>,
    weight: u32,
    /// What it is owed in turns by weight.
    credit: i64,
}

/// Where an attempt goes.
#[derive(Debug)]
pub(super) struct Pick {
    pub(super) link: Arc<Link>,
    pub(super) beside: Beside,
    /// One that is to be connected to, beside the call.
    pub(super) due: Option<Arc<Link>>,
}

/// What there is if the chosen one does not work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beside {
    /// It is said to be connected. If it is not, choose again instead of connecting.
    Connected,
    /// Others that this call has not tried.
    Untried,
    /// Nothing else.
    Nothing,
}

impl Group {
    /// Each client begins elsewhere, so that many that start together do not meet at one server.
    pub(super) fn new(revision: Revision, places: impl Iterator<Item = (Arc<Link>, u16)>) -> Group {
        let place = |(link, weight)| Place {
            link,
            weight: u32::from(weight),
            credit: fastrand::i64(0..=i64::from(weight)),
        };
        let places: Vec<Place> = places.map(place).collect();
        let turn = fastrand::usize(..places.len().max(1));
        Group { revision, places, turn }
    }

    pub(super) fn revision(&self) -> Revision {
        self.revision
    }

    pub(super) fn links(&self) -> impl Iterator<Item = &Arc<Link>> {
        self.places.iter().map(|place| &place.link)
    }

    /// Where the next attempt of a call goes that has failed at the links `tried`; `None` if the list is empty.
    ///
    /// First what is connected, then what may be connected to, then what is set aside for the shortest time; what was
    /// tried comes last.
    pub(super) fn pick(&mut self, choice: Choice, tried: &[Arc<Link>]) -> Option<Pick> {
        if let [only] = &*self.places {
            return Some(Pick { link: only.link.clone(), beside: Beside::Nothing, due: None });
        }
        let live = |place: &Place| place.link.standing().is_live();
        let untried = |place: &Place| !tried.iter().any(|link| Arc::ptr_eq(link, &place.link));
        if let Some(index) = self.choose(choice, |place| live(place) && untried(place)) {
            let due = if choice == Choice::PickFirst { None } else { self.due() };
            let link = self.places.get(index)?.link.clone();
            return Some(Pick { link, beside: Beside::Connected, due });
        }
        let now = Instant::now();
        let ready = |place: &Place| untried(place) && place.link.standing().aside_until(now).is_none();
        let index = self.choose(choice, ready);
        let index = index.or_else(|| self.nearest(now, untried)).or_else(|| self.choose(choice, live));
        let index = index.or_else(|| self.nearest(now, |_| true))?;
        let others = self.places.iter().filter(|place| untried(place)).nth(1).is_some();
        let beside = if others { Beside::Untried } else { Beside::Nothing };
        Some(Pick { link: self.places.get(index)?.link.clone(), beside, due: None })
    }

    /// One that should be connected to, if there is one; the taker says when he has tried.
    fn due(&self) -> Option<Arc<Link>> {
        let mut resting = self.places.iter().filter(|place| !place.link.standing().is_live()).peekable();
        resting.peek()?;
        let now = Instant::now();
        resting.find(|place| place.link.standing().begin_probe(now)).map(|place| place.link.clone())
    }

    /// Of those that are set aside, the one whose time ends first.
    fn nearest(&self, now: Instant, eligible: impl Fn(&Place) -> bool) -> Option<usize> {
        let eligible = self.places.iter().enumerate().filter(|(_, place)| eligible(place));
        eligible.min_by_key(|(_, place)| place.link.standing().aside_until(now)).map(|(index, _)| index)
    }

    fn choose(&mut self, choice: Choice, eligible: impl Fn(&Place) -> bool) -> Option<usize> {
        match choice {
            Choice::PickFirst => self.places.iter().position(eligible),
            Choice::RoundRobin => self.in_turn(eligible),
            Choice::Weighted => self.by_weight(eligible),
            Choice::LeastBusy => self.least_busy(eligible),
        }
    }

    fn in_turn(&mut self, eligible: impl Fn(&Place) -> bool) -> Option<usize> {
        let indices = (self.turn + 1..self.places.len()).chain(0..=self.turn);
        let places = &self.places;
        self.turn = indices.into_iter().find(|index| places.get(*index).is_some_and(&eligible))?;
        Some(self.turn)
    }

    /// Smooth weighted round robin, as nginx has it: each is owed its weight a turn, and who is owed most pays for all.
    fn by_weight(&mut self, eligible: impl Fn(&Place) -> bool) -> Option<usize> {
        let mut total = 0;
        let mut most: Option<(usize, i64)> = None;
        for (index, place) in self.places.iter_mut().enumerate() {
            if eligible(place) {
                place.credit += i64::from(place.weight);
                total += i64::from(place.weight);
                most = most.filter(|(_, credit)| *credit >= place.credit).or(Some((index, place.credit)));
            }
        }
        let (index, _) = most?;
        self.places.get_mut(index)?.credit -= total;
        Some(index)
    }

    fn least_busy(&self, eligible: impl Fn(&Place) -> bool) -> Option<usize> {
        let first = self.draw(|_, place| eligible(place))?;
        let Some(second) = self.draw(|index, place| index != first && eligible(place)) else {
            return Some(first);
        };
        let (one, other) = (self.places.get(first)?, self.places.get(second)?);
        // Calls in flight for each unit of weight, without dividing.
        let busier = one.link.load() * u64::from(other.weight) > other.link.load() * u64::from(one.weight);
        Some(if busier { second } else { first })
    }

    /// One at random, by weight.
    fn draw(&self, eligible: impl Fn(usize, &Place) -> bool) -> Option<usize> {
        let eligible = |(index, place): &(usize, &Place)| eligible(*index, place);
        let total: u32 = self.places.iter().enumerate().filter(eligible).map(|(_, place)| place.weight).sum();
        if total == 0 {
            return None;
        }
        let mut left = fastrand::u32(..total);
        let mut last = None;
        for (index, place) in self.places.iter().enumerate().filter(eligible) {
            if left < place.weight {
                return Some(index);
            }
            left -= place.weight;
            last = Some(index);
        }
        // Others were eligible when they were counted.
        last
    }
}

#[cfg(test)]
mod tests;
