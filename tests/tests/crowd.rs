//! Two hundred scripted clients at once: nothing lost, nothing doubled, one order for all.

use std::collections::BTreeSet;

use system_tests::{BinderProgram, Chatter, ServerProgram};

const CLIENTS: usize = 200;
const MESSAGES: usize = 3;

#[test]
fn two_hundred_clients_lose_nothing_and_double_nothing() {
    let binder = BinderProgram::start();
    let _server = ServerProgram::start(&binder);
    let mut host = Chatter::join(&binder, "host");
    host.say("/create hall").expect("room_created");
    let mut crowd: Vec<Chatter> =
        (0..CLIENTS).map(|number| Chatter::start(&binder, &format!("user{number}"))).collect();
    for chatter in &mut crowd {
        chatter.say("/join hall");
    }
    for chatter in &mut crowd {
        chatter.expect("joined");
    }
    for (number, chatter) in crowd.iter_mut().enumerate() {
        for message in 0..MESSAGES {
            chatter.say(&format!("{number}.{message}"));
        }
    }
    let expected: BTreeSet<String> = (0..CLIENTS)
        .flat_map(|number| (0..MESSAGES).map(move |message| format!("{number}.{message}")))
        .collect();
    let mut order: Option<Vec<(u64, String)>> = None;
    for chatter in &mut crowd {
        let heard: Vec<(u64, String)> = (0..CLIENTS * MESSAGES)
            .map(|_| {
                let message = chatter.expect("message");
                (message["seq"].as_u64().unwrap(), message["body"].as_str().unwrap().to_owned())
            })
            .collect();
        let bodies: BTreeSet<String> = heard.iter().map(|(_, body)| body.clone()).collect();
        assert_eq!(bodies, expected, "something was lost or doubled");
        assert!(heard.is_sorted(), "not in the room's order");
        assert_eq!(order.get_or_insert_with(|| heard.clone()), &heard, "two members saw two orders");
    }
    for chatter in crowd {
        let (rest, code) = chatter.finish();
        assert_eq!(code, Some(0));
        assert!(!rest.iter().any(|event| event["event"] == "message"), "{rest:?}");
    }
}
