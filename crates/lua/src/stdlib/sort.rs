//! The quicksort of the reference interpreters, as a machine that asks for one comparison at a time.
//!
//! The order in which elements are compared, where equal elements end up and when `invalid order function for sorting` is
//! noticed are all visible to programs, so this follows `auxsort` of each `ltablib.c` step by step. It cannot be a recursive
//! function: a comparison may be a Lua function that runs out of fuel or yields.
//!
//! Left out: 5.3 picks a random pivot from clock and time when a partition of a large array is badly unbalanced; here the
//! random number is a constant, so that equal programs take equal steps.

use gc_arena::Collect;

/// The order function contradicts itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InvalidOrder;

/// Which reference to follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Collect)]
#[collect(require_static)]
pub(crate) enum SortRules {
    Lua51,
    Lua53,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step<T> {
    /// Tell [`Sorter::advance`] whether the first is less than the second.
    Compare(T, T),
    Done,
}

/// A sort under way.
#[derive(Collect)]
#[collect(no_drop)]
pub(crate) struct Sorter<T> {
    /// The elements, from index 1. Index 0 and the last one are the neighbours of the array, which 5.1 may look at when the
    /// order function is invalid.
    elements: Vec<T>,
    #[collect(require_static)]
    rules: SortRules,
    /// The part being sorted, both ends included.
    low: usize,
    high: usize,
    /// Parts still to be sorted; as the larger half waits, there are at most as many as an index has bits.
    #[collect(require_static)]
    pending: Vec<(usize, usize, usize)>,
    /// Zero, or the number that replaces 5.3's random one.
    spread: usize,
    middle: usize,
    pivot: Option<T>,
    up: usize,
    down: usize,
    #[collect(require_static)]
    question: Question,
}

/// Which comparison was asked for.
#[derive(Clone, Copy)]
enum Question {
    None,
    HighBelowLow,
    MiddleBelowLow,
    HighBelowMiddle,
    UpBelowPivot,
    PivotBelowDown,
}

/// `RANLIMIT` of `ltablib.c` in 5.3.
const RANDOM_PIVOT_MIN: usize = 100;
/// Stands for the random number of 5.3.
const SPREAD: usize = 0x9e37;

impl<T: Copy> Sorter<T> {
    /// A sort of `elements[1..=count]` where `elements` has `count + 2` members.
    pub(crate) fn new(elements: Vec<T>, rules: SortRules) -> Sorter<T> {
        let high = elements.len().saturating_sub(2);
        Sorter {
            elements,
            rules,
            low: 1,
            high,
            pending: Vec::new(),
            spread: 0,
            middle: 0,
            pivot: None,
            up: 0,
            down: 0,
            question: Question::None,
        }
    }

    /// The elements in the order they have now.
    pub(crate) fn elements(&self) -> &[T] {
        let end = self.elements.len().saturating_sub(1).max(1);
        self.elements.get(1..end).unwrap_or(&[])
    }

    /// Goes on with the answer to the last question; the first call's answer is ignored.
    pub(crate) fn advance(&mut self, answer: bool) -> Result<Step<T>, InvalidOrder> {
        match self.question {
            Question::None => Ok(self.begin_part()),
            Question::HighBelowLow => {
                if answer {
                    self.elements.swap(self.low, self.high);
                }
                if self.high - self.low == 1 {
                    return Ok(self.next_part());
                }
                self.middle = self.choose_pivot();
                Ok(self.ask(Question::MiddleBelowLow, self.elements[self.middle], self.elements[self.low]))
            }
            Question::MiddleBelowLow if answer => {
                self.elements.swap(self.middle, self.low);
                Ok(self.begin_partition())
            }
            Question::MiddleBelowLow => {
                Ok(self.ask(Question::HighBelowMiddle, self.elements[self.high], self.elements[self.middle]))
            }
            Question::HighBelowMiddle => {
                if answer {
                    self.elements.swap(self.middle, self.high);
                }
                Ok(self.begin_partition())
            }
            Question::UpBelowPivot if answer => {
                let too_far = match self.rules {
                    SortRules::Lua51 => self.up > self.high,
                    SortRules::Lua53 => self.up == self.high - 1,
                };
                if too_far { Err(InvalidOrder) } else { Ok(self.scan_up()) }
            }
            Question::UpBelowPivot => Ok(self.scan_down()),
            Question::PivotBelowDown if answer => {
                let too_far = match self.rules {
                    SortRules::Lua51 => self.down < self.low,
                    SortRules::Lua53 => self.down < self.up,
                };
                if too_far { Err(InvalidOrder) } else { Ok(self.scan_down()) }
            }
            Question::PivotBelowDown if self.down < self.up => Ok(self.end_partition()),
            Question::PivotBelowDown => {
                self.elements.swap(self.up, self.down);
                Ok(self.scan_up())
            }
        }
    }

    fn ask(&mut self, question: Question, first: T, second: T) -> Step<T> {
        self.question = question;
        Step::Compare(first, second)
    }

    fn begin_part(&mut self) -> Step<T> {
        if self.low >= self.high {
            return self.next_part();
        }
        self.ask(Question::HighBelowLow, self.elements[self.high], self.elements[self.low])
    }

    fn next_part(&mut self) -> Step<T> {
        while let Some((low, high, spread)) = self.pending.pop() {
            (self.low, self.high, self.spread) = (low, high, spread);
            if low < high {
                return self.begin_part();
            }
        }
        self.question = Question::None;
        (self.low, self.high) = (1, 0);
        Step::Done
    }

    fn choose_pivot(&self) -> usize {
        let distance = self.high - self.low;
        if self.rules == SortRules::Lua53 && distance >= RANDOM_PIVOT_MIN && self.spread != 0 {
            let quarter = distance / 4;
            return self.spread % (quarter * 2) + self.low + quarter;
        }
        (self.low + self.high) / 2
    }

    fn begin_partition(&mut self) -> Step<T> {
        if self.high - self.low == 2 {
            return self.next_part();
        }
        self.pivot = Some(self.elements[self.middle]);
        self.elements.swap(self.middle, self.high - 1);
        self.up = self.low;
        self.down = self.high - 1;
        self.scan_up()
    }

    fn scan_up(&mut self) -> Step<T> {
        self.up += 1;
        let element = self.elements[self.up];
        self.ask(Question::UpBelowPivot, element, self.pivot.unwrap_or(element))
    }

    fn scan_down(&mut self) -> Step<T> {
        self.down -= 1;
        let element = self.elements[self.down];
        self.ask(Question::PivotBelowDown, self.pivot.unwrap_or(element), element)
    }

    /// Puts the pivot in its place, sorts the smaller half next and the larger one later.
    fn end_partition(&mut self) -> Step<T> {
        let place = self.up;
        self.elements.swap(self.high - 1, place);
        let (below, above) = (place - self.low, self.high - place);
        let (smaller, larger) = if below < above {
            ((self.low, place - 1), (place + 1, self.high))
        } else {
            ((place + 1, self.high), (self.low, place - 1))
        };
        let larger_distance = larger.1.saturating_sub(larger.0);
        let unbalanced = larger_distance / 128 > below.min(above);
        let spread = if unbalanced { SPREAD } else { self.spread };
        self.pending.push((larger.0, larger.1, spread));
        (self.low, self.high) = smaller;
        self.begin_part()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sort(
        values: &[i32],
        rules: SortRules,
        less: impl Fn(i32, i32) -> bool,
    ) -> Result<(Vec<i32>, usize), InvalidOrder> {
        let mut elements = vec![0];
        elements.extend_from_slice(values);
        elements.push(0);
        let mut sorter = Sorter::new(elements, rules);
        let (mut answer, mut comparisons) = (false, 0);
        while let Step::Compare(a, b) = sorter.advance(answer)? {
            answer = less(a, b);
            comparisons += 1;
        }
        Ok((sorter.elements().to_vec(), comparisons))
    }

    fn shuffled(count: u32) -> Vec<i32> {
        (0..count).map(|i| (i.wrapping_mul(2_654_435_761) >> 16) as i32 % 1000).collect()
    }

    #[test]
    fn every_length_is_sorted() {
        for rules in [SortRules::Lua51, SortRules::Lua53] {
            for count in 0..150 {
                let values = shuffled(count);
                let mut expected = values.clone();
                expected.sort_unstable();
                assert_eq!(
                    sort(&values, rules, |a, b| a < b).map(|(sorted, _)| sorted),
                    Ok(expected),
                    "{count} {rules:?}"
                );
            }
        }
    }

    #[test]
    fn sorted_and_reversed_input_stays_cheap() {
        let ascending: Vec<i32> = (0..10_000).collect();
        let descending: Vec<i32> = (0..10_000).rev().collect();
        for values in [&ascending, &descending] {
            let (sorted, comparisons) = sort(values, SortRules::Lua53, |a, b| a < b).unwrap_or_default();
            assert_eq!(sorted, ascending);
            assert!(comparisons < 300_000, "{comparisons}");
        }
    }

    #[test]
    fn a_contradictory_order_is_noticed() {
        let values = shuffled(50);
        for rules in [SortRules::Lua51, SortRules::Lua53] {
            assert_eq!(sort(&values, rules, |_, _| true), Err(InvalidOrder));
            assert!(sort(&values, rules, |_, _| false).is_ok());
        }
    }
}
