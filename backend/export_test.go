package backend

// Kinds are all kinds of failure, in the order of the table.
func Kinds() []Kind {
	var kinds []Kind
	for _, row := range failureTable {
		kinds = append(kinds, row.kind)
	}
	return kinds
}

// TextsOf are the texts that a kind is known by.
func TextsOf(kind Kind) []string { return rowOf(kind).texts }
