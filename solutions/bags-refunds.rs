let refunded = accounts
    .flat_map(|account| account.transactions)
    .map(|transaction| transaction.amount)
    .filter(|amount| *amount < 0)
    .sum();
