//! Medians and percentiles.

use std::time::Duration;

use crate::Measured;

/// The value at `q` (0..=1) of `values`, by nearest rank; 0 of nothing.
pub fn quantile(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank within the slice")]
    let rank = (q * sorted.len().saturating_sub(1) as f64).round() as usize;
    sorted.get(rank).copied().unwrap_or_default()
}

/// The middle of `values`; of an even number, the mean of the two in the middle; 0 of nothing.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    match sorted.len() {
        0 => 0.0,
        n if n % 2 == 1 => sorted[half],
        _ => f64::midpoint(sorted[half - 1], sorted[half]),
    }
}

/// Microseconds, with fractions.
pub fn micros(duration: Duration) -> f64 {
    duration.as_nanos() as f64 / 1_000.0
}

/// The median of `samples` as the figure, with p90 and the number of samples beside it.
pub fn latency(samples: &[Duration]) -> Measured {
    let micros: Vec<_> = samples.iter().copied().map(micros).collect();
    Measured::of(median(&micros)).and("p90_us", quantile(&micros, 0.9)).and("samples", micros.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between() {
        assert!((median(&[4.0, 1.0, 3.0, 2.0]) - 2.5).abs() < f64::EPSILON);
        assert!((median(&[9.0, 1.0, 5.0]) - 5.0).abs() < f64::EPSILON);
        assert!(median(&[]).abs() < f64::EPSILON);
    }

    #[test]
    fn a_quantile_is_one_of_the_values() {
        let values: Vec<_> = (0..=10).rev().map(f64::from).collect();
        assert!((quantile(&values, 0.9) - 9.0).abs() < f64::EPSILON);
        assert!((quantile(&values, 1.0) - 10.0).abs() < f64::EPSILON);
    }
}
