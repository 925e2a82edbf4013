accounts_csv.to_csv_with(scratch("accounts-*.csv"), &ToCsv::new().overwrite(true))?;
let accounts = read_csv(scratch("accounts-*.csv"))?;
