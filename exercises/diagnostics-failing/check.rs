check!("Both culprits are named", 2, {
    let mut named: Vec<usize> = culprits.iter().map(|&number| number as usize).collect();
    named.sort();
    named.dedup();
    // What the function as it was handed out cannot work with.
    let is_damaged = |number: &usize| {
        let exposure = take(*number);
        exposure.pixels.is_empty() || exposure.pixels.iter().any(|light| light.is_nan())
    };
    let innocent: Vec<usize> = named.iter().copied().filter(|number| *number >= 12 || !is_damaged(number)).collect();
    ensure!(
        innocent.is_empty(),
        "`contrast` as it was handed out had no trouble with {innocent:?}. Ask `recreate` for the argument of the task \
         that failed, and look at its `number`."
    );
    let damaged = (0..12).filter(is_damaged).count();
    ensure!(
        named.len() == damaged,
        "{} of {damaged} exposures on which `contrast` panics {} named. {}",
        named.len(),
        if named.len() == 1 { "is" } else { "are" },
        if named.is_empty() {
            "Compute the night with the cell below, and `recreate` the task that failed."
        } else {
            "An error is of the task that failed first, on threads now of this one and now of that. Mend `contrast` for \
             the one that you have found, and run the night again."
        }
    );
});

check!("What was right stays right", 1, {
    for (pixels, expected) in [(vec![2.0, 8.0, 4.0], 2.0), (vec![5.0], 1.0), (vec![1.0, 2.0, 6.0, 4.0], 1.5)] {
        let got = contrast(&Exposure { number: 0, pixels: pixels.clone() });
        ensure!(
            got == Some(expected),
            "Of an exposure with the pixels {pixels:?} the brightest is {expected} times the one in the middle, and \
             {got:?} came. Did more change than was broken?"
        );
    }
});

check!("Damaged pixels are left out", 1, {
    let got = contrast(&Exposure { number: 0, pixels: vec![2.0, f64::NAN, 8.0, 4.0] });
    ensure!(
        got == Some(2.0),
        "Of the pixels [2.0, NaN, 8.0, 4.0], the damaged one left out, the contrast is 2, and {got:?} came. {}",
        match got {
            None => "One bad pixel should not cost the whole exposure.",
            Some(number) if number.is_nan() => "A NaN was sorted to the end and taken for the brightest; leave it out first.",
            Some(_) => "Leave the NaN out before you look for the middle.",
        }
    );
});

check!("Where nothing is left there is no contrast", 1, {
    for pixels in [vec![], vec![f64::NAN, f64::NAN]] {
        let got = contrast(&Exposure { number: 0, pixels: pixels.clone() });
        ensure!(got.is_none(), "An exposure with the pixels {pixels:?} has no contrast: `None` was expected, and {got:?} came.");
    }
});
