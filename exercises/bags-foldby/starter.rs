let totals = accounts.groupby(|account| account.name.clone()).map(|(name, all)| {
    let amounts = all.iter().flat_map(|account| &account.transactions).map(|transaction| transaction.amount);
    (name, amounts.sum::<i64>())
});
