let mut total = 0;
for account in accounts.compute()? {
    for transaction in account.transactions {
        if transaction.amount < 0 {
            total += transaction.amount;
        }
    }
}
// By now all accounts have been in memory: this only wraps a finished answer.
let refunded = delayed_value(total);
