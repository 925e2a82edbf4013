fn total_of(account: &Account) -> i64 {
    account.transactions.iter().map(|transaction| transaction.amount).sum()
}

let totals = accounts.foldby(
    |account| account.name.clone(),
    |total, account| total + total_of(&account),
    0,
    |left, right| left + right,
);
