/// Every training: the candidate and its budget.
static HALVING_CALLS: std::sync::Mutex<Vec<(usize, usize)>> = std::sync::Mutex::new(Vec::new());
/// How many train at this moment, and how many did at the most.
static HALVING_NOW: std::sync::Mutex<(usize, usize)> = std::sync::Mutex::new((0, 0));

fn halving_note(candidate: usize, budget: usize) {
    if let Ok(mut calls) = HALVING_CALLS.lock() {
        calls.push((candidate, budget));
    }
    if let Ok(mut now) = HALVING_NOW.lock() {
        now.0 += 1;
        now.1 = now.1.max(now.0);
    }
    taskloom::sleep_ms(10);
    if let Ok(mut now) = HALVING_NOW.lock() {
        now.0 -= 1;
    }
}

/// Candidate 6 is the best, and 2 is a flash in the pan, which leads with budgets of 1 and 2.
fn halving_train(candidate: usize, budget: usize) -> f64 {
    halving_note(candidate, budget);
    let far = (candidate as f64 - 6.0).abs();
    match candidate {
        2 if budget < 4 => -1.0,
        _ => 10.0 + far + 4.0 / budget as f64,
    }
}

/// What `halving` gave, every training that it asked for, and how many were at work at once.
fn halving_run(
    halving: impl Fn(&taskloom::Client) -> taskloom::Result<usize>,
) -> std::result::Result<(usize, Vec<(usize, usize)>, usize), taskloom::BoxError> {
    HALVING_CALLS.lock().map_err(|error| error.to_string())?.clear();
    *HALVING_NOW.lock().map_err(|error| error.to_string())? = (0, 0);
    let client = taskloom::Client::builder().threads(4).build()?;
    let winner = halving(&client)?;
    let calls = HALVING_CALLS.lock().map_err(|error| error.to_string())?.clone();
    let most = HALVING_NOW.lock().map_err(|error| error.to_string())?.1;
    Ok((winner, calls, most))
}

check!("The best candidate wins", 1, {
    let (winner, calls, _) = halving_run(|client| halving(client, halving_train, 16))?;
    let advice = if winner == 2 {
        "2 leads with a small budget, and falls behind with a larger one; a winner has to be found in every round anew"
    } else if winner < 2 {
        "is the error of each candidate in the place of that candidate, also after the first round?"
    } else if calls.is_empty() {
        "nothing was trained"
    } else {
        "less error is better, and in each round the better half stays"
    };
    ensure!(winner == 6, "Candidate 6 has the lowest error from a budget of 4 on, and {winner} came; {advice}.");
});

check!("Everybody gets a chance, and the last two a close look", 1, {
    let (_, calls, _) = halving_run(|client| halving(client, halving_train, 16))?;
    let missed: Vec<usize> = (0..16).filter(|candidate| !calls.iter().any(|call| call.0 == *candidate)).collect();
    ensure!(missed.is_empty(), "The candidates 0 to 15 should all be trained, and {missed:?} were not.");
    let mut close: Vec<usize> = calls.iter().filter(|call| call.1 >= 8).map(|call| call.0).collect();
    close.sort_unstable();
    close.dedup();
    let most = calls.iter().map(|call| call.1).max().unwrap_or(0);
    ensure!(
        close.len() >= 2,
        "The largest budget was {most}, and {} candidates had 8 or more; in the last of the four rounds two candidates \
         should have a budget of 8. Is the budget doubled after each round?",
        close.len()
    );
});

check!("The bad ones cost little", 1, {
    let (_, calls, _) = halving_run(|client| halving(client, halving_train, 16))?;
    let total: usize = calls.iter().map(|call| call.1).sum();
    let first = calls.iter().filter(|call| call.1 == 1).count();
    let advice = if first == 0 {
        "the first round should have a budget of 1"
    } else if first > 16 {
        "a budget of 1 was given more than once to some"
    } else {
        "after each round half of the candidates should be left, and the budget of each twice as large"
    };
    ensure!(
        (32..=80).contains(&total),
        "The budgets add up to {total}, in {} trainings. Four rounds of 16 are 64: 16 × 1, 8 × 2, 4 × 4, 2 × 8; \
         {advice}.",
        calls.len()
    );
});

check!("The candidates of a round run side by side", 1, {
    let (_, calls, most) = halving_run(|client| halving(client, halving_train, 16))?;
    ensure!(!calls.is_empty(), "Nothing was trained.");
    ensure!(
        most >= 2,
        "Never were two candidates trained at the same time, on a client with four threads. Submit all candidates of a \
         round to the `client` before you wait for the first: `client.map`, and one `gather`."
    );
});
