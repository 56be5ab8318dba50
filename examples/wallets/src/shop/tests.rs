use crossbeam_channel::{Receiver, bounded, unbounded};
use rpc_core::{Code, threads};

use super::*;
use crate::ledger::Ledger;
use crate::ledger::Wallet;
use crate::teller::Teller;

const SOON: Duration = Duration::from_secs(10);

fn bank(printed: Sender<String>) -> Teller {
    let wallet = |id: &str, balance| Wallet { id: id.to_owned(), balance };
    let ledger = Ledger::open([wallet("buyer", 100), wallet("seller", 5)]).unwrap();
    Teller::new(ledger, printing_to(printed), bounded(1).0)
}

fn printing_to(printed: Sender<String>) -> Print {
    Box::new(move |text| {
        printed.send(text.to_owned()).unwrap();
        Ok(())
    })
}

#[test]
fn the_store_counts_its_sales_itself() {
    let ((printing, printed), (ended, end)) = (unbounded(), bounded(1));
    let shop = Shop::open(10, "seller", bank(printing.clone()), printing_to(printing), ended).unwrap();
    let order = |value| shop.bank.cria_ordem("buyer".to_owned(), value).unwrap();
    let (paid, wrong, gift) = (order(10), order(11), order(50));
    assert_eq!(shop.lê_preço(), Ok(10));
    assert_eq!(shop.venda(paid), Ok(0));
    assert_eq!(shop.venda(paid), Ok(code::NO_ORDER));
    assert_eq!(shop.venda(wrong), Ok(code::OTHER_VALUE));
    assert_eq!(shop.bank.transferência(gift, 50, "seller".to_owned()), Ok(0));
    assert_eq!(shop.fim_da_execução(), Ok(15), "what others credit does not count");
    assert_eq!(printed.try_iter().collect::<Vec<_>>(), ["buyer 29\nseller 65\n", "1\n"]);
    end.try_recv().unwrap().unwrap();
    assert_eq!(shop.fim_da_execução(), Ok(15), "once is enough");
    assert!(printed.try_recv().is_err() && end.try_recv().is_err());
    assert_eq!(shop.venda(1).unwrap_err().code(), Code::FailedPrecondition);
}

#[test]
fn a_seller_without_a_wallet_is_told_so() {
    let ((printing, _printed), (ended, _end)) = (unbounded(), bounded(1));
    let shop = Shop::open(10, "nobody", bank(printing.clone()), printing_to(printing), ended).unwrap();
    let order = shop.bank.cria_ordem("buyer".to_owned(), 10).unwrap();
    assert_eq!(shop.venda(order), Ok(code::NO_RECEIVER));
    assert_eq!(shop.fim_da_execução(), Ok(code::NO_WALLET));
}

/// A wallet server that takes its time with a transfer.
struct Slow {
    entering: Sender<()>,
    leave: Receiver<()>,
    ended: Sender<()>,
}

impl Bank for Slow {
    fn lê_saldo(&self, _carteira: String) -> Result<i64, Status> {
        Ok(0)
    }

    fn cria_ordem(&self, _carteira: String, _valor: i64) -> Result<i64, Status> {
        Ok(1)
    }

    fn transferência(&self, _ordem: i64, _conferência: i64, _carteira: String) -> Result<i64, Status> {
        self.entering.send(()).unwrap();
        self.leave.recv_timeout(SOON).unwrap();
        Ok(0)
    }

    fn fim_da_execução(&self) -> Result<i64, Status> {
        self.ended.send(()).unwrap();
        Ok(0)
    }
}

#[test]
fn the_end_waits_for_the_sales_under_way_and_counts_them() {
    let ((entering, entered), (leaving, leave), (ending, bank_ended)) = (bounded(1), bounded(1), bounded(1));
    let bank = Slow { entering, leave, ended: ending };
    let ((printing, _printed), (ended, _end)) = (unbounded(), bounded(1));
    let shop = Arc::new(Shop::open(7, "seller", bank, printing_to(printing), ended).unwrap());
    let (selling, closing) = (shop.clone(), shop.clone());
    let sale = threads::spawn("sale", move || assert_eq!(selling.venda(1), Ok(0))).unwrap();
    entered.recv_timeout(SOON).unwrap();
    let end = threads::spawn("end", move || assert_eq!(closing.fim_da_execução(), Ok(7))).unwrap();
    while !shop.till().closing {
        std::thread::yield_now();
    }
    assert!(bank_ended.try_recv().is_err(), "the wallet server must not end before the sale");
    leaving.send(()).unwrap();
    sale.join();
    end.join();
    bank_ended.try_recv().unwrap();
}
