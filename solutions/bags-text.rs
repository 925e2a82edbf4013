let name_counts = csv
    .remove(|line| line.starts_with("id,"))
    .flat_map(|line| line.split(',').nth(1).map(str::to_owned))
    .frequencies();
