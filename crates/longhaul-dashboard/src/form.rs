//! Fields of a form.

/// The fields of a form or a query, in their order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    pub(crate) fn parse(encoded: &[u8]) -> Self {
        Self(form_urlencoded::parse(encoded).map(|(key, value)| (key.into_owned(), value.into_owned())).collect())
    }

    /// The first value of a field; an empty one is none.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(name, value)| name == key && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    pub(crate) fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(name, value)| name == key && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    pub(crate) fn put(&mut self, key: &str, value: &str) {
        self.0.push((key.to_owned(), value.to_owned()));
    }

    pub(crate) fn put_if_missing(&mut self, key: &str, value: &str) {
        if self.get(key).is_none() {
            self.put(key, value);
        }
    }

    /// One value in place of all that a field has.
    pub(crate) fn set(&mut self, key: &str, value: &str) {
        self.0.retain(|(name, _)| name != key);
        self.put(key, value);
    }

    /// Without the fields of which this is true.
    pub(crate) fn remove(&mut self, is_meant: impl Fn(&str) -> bool) {
        self.0.retain(|(name, _)| !is_meant(name));
    }

    /// The names of all fields that hold something.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter(|(_, value)| !value.is_empty()).map(|(name, _)| name.as_str())
    }

    /// All values of a field, one a line; `None`: it has none.
    pub(crate) fn lines(&self, key: &str) -> Option<String> {
        let all: Vec<&str> = self.all(key).collect();
        (!all.is_empty()).then(|| all.join("\n"))
    }

    /// The same without a field, encoded.
    pub(crate) fn without(&self, key: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.0.iter().filter(|(name, _)| name != key));
        query.finish()
    }
}
