//! What counts as a word.

/// Shorter ones find everything, longer ones are hashes and tables.
const LENGTH: std::ops::RangeInclusive<usize> = 2..=40;

/// Calls `each` with every word of `text`: letters, digits and underscores, in lower case, 2 to 40 characters.
///
/// An identifier such as `push_within_capacity` is one word, as people type it.
pub(super) fn tokens(text: &str, mut each: impl FnMut(&str)) {
    let mut word = String::new();
    let mut length = 0;
    for character in text.chars().chain([' ']) {
        if character.is_ascii_alphanumeric() || character == '_' {
            word.push(character.to_ascii_lowercase());
            length += 1;
        } else if !character.is_ascii() && character.is_alphanumeric() {
            for lower in character.to_lowercase() {
                word.push(lower);
                length += 1;
            }
        } else if length > 0 {
            if LENGTH.contains(&length) {
                each(&word);
            }
            word.clear();
            length = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        let mut words = Vec::new();
        tokens(text, |word| words.push(word.to_owned()));
        words
    }

    #[test]
    fn words_are_lower_case_and_split_at_everything_else() {
        assert_eq!(words("Vec::<T>::Push_Within(x86_64, 42)!"), ["vec", "push_within", "x86_64", "42"]);
        assert_eq!(words("Über-Größe naïve 東京"), ["über", "größe", "naïve", "東京"]);
        assert_eq!(words(""), Vec::<String>::new());
    }

    #[test]
    fn words_of_one_or_of_more_than_forty_characters_are_left_out_whole() {
        let forty = "a".repeat(40);
        assert_eq!(words(&format!("a ab {forty} {forty}a é éé")), ["ab", &forty, "éé"]);
    }
}
