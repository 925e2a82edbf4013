let empty = js.filter(|record| record["transactions"].as_array().is_some_and(|list| list.is_empty())).count();
