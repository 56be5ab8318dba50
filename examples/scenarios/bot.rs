//! A bot: a session like anybody's, whose events are its ears. It answers in public in public, and in private in private.
//!
//! ```text
//! ana: !sum 2 3 37
//! robot: 42
//! ana: !sum two
//! robot: I add whole numbers, and "two" is none
//! ana, privately: !sum 20 3
//! robot, privately: 23
//! the bot was asked 3 times, and answered 3 times
//! ```
#![expect(clippy::print_stdout, reason = "what it prints is what it shows")]

use std::sync::Arc;

use chat_client::{ChatEvent, ChatSession};
use rpc_core::threads;
use rpc_examples::{House, Outcome, hear, same};

fn sum(words: &str) -> String {
    let numbers: Result<Vec<i64>, &str> =
        words.split_whitespace().map(|word| word.parse().map_err(|_| word)).collect();
    match numbers {
        Ok(numbers) => numbers.iter().fold(0_i64, |sum, number| sum.saturating_add(*number)).to_string(),
        Err(word) => format!("I add whole numbers, and {word:?} is none"),
    }
}

/// Answers until somebody says `!bye`, and tells how often it did.
fn serve(robot: &ChatSession) -> Outcome<usize> {
    let mut answers = 0;
    for event in robot.events() {
        let ChatEvent::Message(asked) = event else { continue };
        match asked.body.split_once(' ') {
            // Not to itself: its own public messages come back to it.
            _ if robot.username().as_ref() == Some(&asked.from) => continue,
            _ if asked.body == "!bye" => break,
            Some(("!sum", words)) if asked.to.is_some() => {
                robot.send_to(&asked.room, &asked.from, &sum(words))?
            }
            Some(("!sum", words)) => robot.send(&asked.room, &sum(words))?,
            _ => continue,
        };
        answers += 1;
    }
    Ok(answers)
}

fn main() -> Outcome {
    let house = House::open()?;
    let (ana, robot) = (house.person("ana")?, Arc::new(house.person("robot")?));
    robot.create("desk", None)?;
    robot.join("desk")?;
    ana.join("desk")?;
    let (report, reported) = crossbeam_channel::bounded(1);
    let serving = threads::spawn("robot", move || drop(report.send(serve(&robot))))?;

    for (question, answer) in
        [("!sum 2 3 37", "42"), ("!sum two", "I add whole numbers, and \"two\" is none")]
    {
        ana.send("desk", question)?;
        same([hear(&ana)?, hear(&ana)?], [format!("ana: {question}"), format!("robot: {answer}")])?;
        println!("ana: {question}\nrobot: {answer}");
    }
    ana.send_to("desk", "robot", "!sum 20 3")?;
    let answer = hear(&ana)?;
    same(&answer, "robot, privately: 23")?;
    println!("ana, privately: !sum 20 3\n{answer}");
    ana.send("desk", "!bye")?;
    let answers = reported.recv_timeout(rpc_examples::SOON)??;
    serving.join();
    same(answers, 3)?;
    println!("the bot was asked 3 times, and answered {answers} times");
    Ok(())
}
