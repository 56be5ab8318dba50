//! The choice among links that lead nowhere.

use super::*;
use crate::client::link::Loaded;
use crate::limits::Limits;
use crate::resolve::Endpoint;

/// A group whose links are all said to be connected.
fn group(weights: &[u16]) -> Group {
    let links = (0..).zip(weights).map(|(port, weight)| {
        let link = Link::new(Endpoint::new("10.0.0.1", port), None.into(), Limits::default());
        link.standing().rise(Instant::now());
        (Arc::new(link), *weight)
    });
    Group::new(Revision(1), links)
}

fn link(group: &Group, index: usize) -> Arc<Link> {
    group.links().nth(index).unwrap().clone()
}

fn port(pick: Option<Pick>) -> usize {
    usize::from(pick.unwrap().link.endpoint().port())
}

fn fail(group: &Group, index: usize, times: u32) {
    for _ in 0..times {
        let now = link(group, index).standing().aside_until(Instant::now()).unwrap_or_else(Instant::now);
        link(group, index).standing().fail(now, now);
    }
}

/// How many of so many picks went to each.
fn spread(group: &mut Group, choice: Choice, picks: usize) -> Vec<usize> {
    let mut counts = vec![0; group.places.len()];
    for _ in 0..picks {
        counts[port(group.pick(choice, &[]))] += 1;
    }
    counts
}

const EVERY: [Choice; 4] = [Choice::PickFirst, Choice::RoundRobin, Choice::Weighted, Choice::LeastBusy];

#[test]
fn pick_first_stays_with_the_first_and_goes_on_to_the_next() {
    let mut group = group(&[1, 1, 1]);
    assert_eq!(spread(&mut group, Choice::PickFirst, 9), [9, 0, 0]);
    fail(&group, 0, 1);
    assert_eq!(spread(&mut group, Choice::PickFirst, 9), [0, 9, 0]);
}

#[test]
fn round_robin_takes_each_in_turn() {
    let mut group = group(&[1, 9, 1]);
    assert_eq!(spread(&mut group, Choice::RoundRobin, 9), [3, 3, 3]);
    fail(&group, 1, 1);
    assert_eq!(spread(&mut group, Choice::RoundRobin, 10), [5, 0, 5]);
}

#[test]
fn turns_by_weight_are_exact_and_evenly_spread() {
    let mut group = group(&[5, 1, 1]);
    assert_eq!(spread(&mut group, Choice::Weighted, 700), [500, 100, 100]);
    let row: Vec<_> = (0..14).map(|_| port(group.pick(Choice::Weighted, &[]))).collect();
    assert!(row.windows(6).all(|six| six.iter().any(|place| *place != 0)), "{row:?}");
}

#[test]
fn idle_servers_are_drawn_by_weight() {
    fastrand::seed(7);
    let mut group = group(&[3, 1]);
    let counts = spread(&mut group, Choice::LeastBusy, 8000);
    assert!((5700..6300).contains(&counts[0]), "{counts:?}");
}

#[test]
fn the_less_busy_of_two_is_picked_for_its_weight() {
    let mut group = group(&[2, 1]);
    let mut in_flight: Vec<Loaded> = (0..2).map(|_| Loaded::new(link(&group, 0))).collect();
    assert_eq!(spread(&mut group, Choice::LeastBusy, 99), [0, 99]);
    in_flight.extend((0..2).map(|_| Loaded::new(link(&group, 1))));
    // Two for a weight of two are less than two for a weight of one.
    assert_eq!(spread(&mut group, Choice::LeastBusy, 99), [99, 0]);
    in_flight.clear();
    assert_eq!(link(&group, 0).load() + link(&group, 1).load(), 0);
}

#[test]
fn calls_in_flight_spread_by_weight() {
    let mut group = group(&[4, 2, 2]);
    let in_flight: Vec<_> =
        (0..800).map(|_| Loaded::new(group.pick(Choice::LeastBusy, &[]).unwrap().link)).collect();
    let loads: Vec<_> = group.links().map(|link| link.load()).collect();
    for (load, fair) in loads.iter().zip([400, 200, 200]) {
        assert!(load.abs_diff(fair) < 25, "{loads:?}");
    }
    drop(in_flight);
}

#[test]
fn what_a_call_has_tried_comes_last() {
    for choice in EVERY {
        let mut group = group(&[1, 1]);
        let first = group.pick(choice, &[]).unwrap().link;
        let second = group.pick(choice, std::slice::from_ref(&first)).unwrap().link;
        assert!(!Arc::ptr_eq(&first, &second), "{choice:?}");
        let third = group.pick(choice, &[first, second]).unwrap();
        assert_eq!(third.beside, Beside::Nothing, "{choice:?}");
    }
}

#[test]
fn an_endpoint_set_aside_is_not_picked_while_another_lives_and_the_nearest_if_none_does() {
    for choice in EVERY {
        let mut group = group(&[1, 1, 1]);
        fail(&group, 0, 5);
        fail(&group, 2, 2);
        assert_eq!(spread(&mut group, choice, 30), [0, 30, 0], "{choice:?}");
        fail(&group, 1, 9);
        assert_eq!(spread(&mut group, choice, 30), [0, 0, 30], "{choice:?}");
    }
}

#[test]
fn one_that_is_due_is_connected_to_beside_the_calls_and_by_nobody_else() {
    let mut group = group(&[1, 1]);
    link(&group, 1).standing().rest();
    let pick = group.pick(Choice::LeastBusy, &[]).unwrap();
    assert_eq!((pick.link.endpoint().port(), pick.beside), (0, Beside::Connected));
    assert!(Arc::ptr_eq(&pick.due.unwrap(), &link(&group, 1)));
    assert!(group.pick(Choice::LeastBusy, &[]).unwrap().due.is_none());
    link(&group, 1).standing().end_probe();
    assert!(group.pick(Choice::PickFirst, &[]).unwrap().due.is_none());
    assert!(group.pick(Choice::RoundRobin, &[]).unwrap().due.is_some());
}

#[test]
fn the_first_call_connects_to_one_and_knows_that_there_are_others() {
    for choice in EVERY {
        let mut group = group(&[1, 1]);
        group.links().for_each(|link| link.standing().rest());
        let pick = group.pick(choice, &[]).unwrap();
        assert_eq!(pick.beside, Beside::Untried, "{choice:?}");
        let other = group.pick(choice, &[pick.link]).unwrap();
        assert_eq!(other.beside, Beside::Nothing, "{choice:?}");
    }
}

#[test]
fn of_one_endpoint_there_is_no_choice_and_of_none_no_pick() {
    let mut single = group(&[1]);
    fail(&single, 0, 3);
    for choice in EVERY {
        assert_eq!(single.pick(choice, &[link(&single, 0)]).unwrap().beside, Beside::Nothing);
        assert!(group(&[]).pick(choice, &[]).is_none());
    }
}
