let rows = accounts.flat_map(|account| {
    let (id, name) = (account.id, account.name);
    let amounts = account.transactions.into_iter().map(|transaction| transaction.amount);
    amounts.map(move |amount| Payment { id, name: name.clone(), amount })
});
let payments = rows.to_dataframe()?;
