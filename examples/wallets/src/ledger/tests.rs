use proptest::prelude::*;

use super::*;

fn wallet(id: &str, balance: i64) -> Wallet {
    Wallet { id: id.to_owned(), balance }
}

fn ledger() -> Ledger {
    Ledger::open([wallet("ana", 10), wallet("bia", 0)]).unwrap()
}

#[test]
fn an_order_debits_at_once_up_to_the_whole_balance() {
    let mut ledger = ledger();
    assert_eq!(ledger.order("ana", 11), Err(NoOrder::NoFunds));
    assert_eq!(ledger.order("ana", -1), Err(NoOrder::NoFunds));
    assert_eq!(ledger.order("ana", i64::MIN), Err(NoOrder::NoFunds));
    assert_eq!(ledger.order("Ana", 1), Err(NoOrder::NoWallet));
    assert_eq!(ledger.order("ana", 4), Ok(1));
    assert_eq!(ledger.balance("ana"), Some(6));
    assert_eq!(ledger.order("ana", 6), Ok(2));
    assert_eq!(ledger.order("ana", 1), Err(NoOrder::NoFunds));
    assert_eq!(ledger.order("bia", 0), Ok(3));
    assert_eq!((ledger.pending(), ledger.total()), (3, 10));
}

#[test]
fn a_transfer_tests_order_then_value_then_receiver() {
    let mut ledger = ledger();
    let order = ledger.order("ana", 4).unwrap();
    assert_eq!(ledger.transfer(order + 1, 5, "nobody"), Err(NotPaid::NoOrder));
    assert_eq!(ledger.transfer(order, 5, "nobody"), Err(NotPaid::OtherValue));
    assert_eq!(ledger.transfer(order, 4, "nobody"), Err(NotPaid::NoReceiver));
    assert_eq!(ledger.transfer(order, 4, "bia"), Ok(()), "a refused order stays usable");
    assert_eq!(ledger.transfer(order, 4, "bia"), Err(NotPaid::NoOrder), "a paid one is gone");
    assert_eq!((ledger.balance("ana"), ledger.balance("bia")), (Some(6), Some(4)));
}

#[test]
fn numbers_of_orders_are_never_given_again_and_a_refusal_uses_none() {
    let mut ledger = ledger();
    assert_eq!(ledger.order("ana", 1), Ok(1));
    ledger.order("ana", 100).unwrap_err();
    ledger.transfer(1, 1, "ana").unwrap();
    assert_eq!(ledger.order("ana", 1), Ok(2));
    assert_eq!(ledger.balance("ana"), Some(9));
}

#[test]
fn of_a_name_that_comes_twice_the_last_value_counts_at_the_first_place() {
    let wallets = [wallet("ana", 1), wallet("bia", 2), wallet("ana", 7)];
    let ledger = Ledger::open(wallets).unwrap();
    assert_eq!(ledger.wallets(), [wallet("ana", 7), wallet("bia", 2)]);
}

#[test]
fn money_is_counted_in_63_bits_and_refused_beyond() {
    let mut all = Ledger::open([wallet("ana", i64::MAX - 1), wallet("bia", 1)]).unwrap();
    assert_eq!(all.order("ana", i64::MAX - 1), Ok(1));
    assert_eq!(all.transfer(1, i64::MAX - 1, "bia"), Ok(()));
    assert_eq!(all.balance("bia"), Some(i64::MAX));
    assert_eq!(Ledger::open([wallet("ana", i64::MAX), wallet("bia", 1)]), Err(TooMuch));
    assert!(Ledger::open([wallet("ana", i64::MAX), wallet("ana", 1), wallet("bia", 1)]).is_ok());
}

#[test]
fn orders_are_made_up_to_their_limit() {
    let mut ledger = ledger();
    for _ in 0..PENDING {
        ledger.order("bia", 0).unwrap();
    }
    assert_eq!(ledger.order("bia", 0), Err(NoOrder::Full));
    assert_eq!(ledger.transfer(7, 0, "ana"), Ok(()));
    assert!(ledger.order("bia", 0).is_ok());
}

#[derive(Clone, Debug)]
enum Act {
    Order(usize, i64),
    /// An order by its age, the value said for it, and the receiver.
    Transfer(usize, Option<i64>, usize),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        (0..5usize, -3..40i64).prop_map(|(who, value)| Act::Order(who, value)),
        (0..12usize, prop::option::of(0..40i64), 0..5usize)
            .prop_map(|(age, value, whom)| Act::Transfer(age, value, whom)),
    ]
}

/// The last of them is nobody's.
const NAMES: [&str; 5] = ["ana", "bia", "caio", "davi", "ninguém"];

proptest! {
    /// Calls are atomic, so any interleaving of any clients is one sequence of them; all are tried here alike.
    #[test]
    fn no_sequence_of_calls_makes_or_loses_a_coin(
        balances in prop::array::uniform4(0..100i64),
        acts in prop::collection::vec(act(), 0..200),
    ) {
        let wallets = NAMES.iter().zip(balances).map(|(name, balance)| wallet(name, balance));
        let mut ledger = Ledger::open(wallets).unwrap();
        let (total, mut values, mut paid) = (ledger.total(), vec![0], vec![false]);
        for act in acts {
            match act {
                Act::Order(who, value) => {
                    let held = ledger.balance(NAMES[who]);
                    match ledger.order(NAMES[who], value) {
                        Ok(order) => {
                            prop_assert_eq!(usize::try_from(order).unwrap(), values.len());
                            prop_assert_eq!(ledger.balance(NAMES[who]), held.map(|held| held - value));
                            values.push(value);
                            paid.push(false);
                        }
                        Err(NoOrder::NoWallet) => prop_assert!(held.is_none()),
                        Err(NoOrder::NoFunds) => prop_assert!(value < 0 || held.unwrap() < value),
                        Err(full) => prop_assert!(false, "{full}"),
                    }
                }
                Act::Transfer(age, said, whom) => {
                    let number = values.len().saturating_sub(age + 1);
                    let said = said.unwrap_or(values[number]);
                    match ledger.transfer(i64::try_from(number).unwrap(), said, NAMES[whom]) {
                        Ok(()) => {
                            prop_assert!(number > 0 && !paid[number] && said == values[number]);
                            paid[number] = true;
                        }
                        Err(NotPaid::NoOrder) => prop_assert!(number == 0 || paid[number]),
                        Err(NotPaid::OtherValue) => prop_assert!(!paid[number] && said != values[number]),
                        Err(NotPaid::NoReceiver) => prop_assert_eq!(whom, 4),
                    }
                }
            }
            prop_assert_eq!(ledger.total(), total);
            prop_assert!(ledger.wallets().iter().all(|wallet| wallet.balance >= 0));
        }
        prop_assert_eq!(ledger.pending(), paid.iter().skip(1).filter(|paid| !**paid).count());
    }
}
