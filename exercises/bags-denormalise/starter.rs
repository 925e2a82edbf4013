let rows = accounts.map(|account| {
    let amount = account.transactions.iter().map(|transaction| transaction.amount).sum();
    Payment { id: account.id, name: account.name, amount }
});
let payments = rows.to_dataframe()?;
