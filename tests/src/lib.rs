//! Labs as test cases.
