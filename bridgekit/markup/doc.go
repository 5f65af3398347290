// Package markup is the rich text every network and Matrix are translated to
// and from: one tree of plain values, so that N formats need N parsers and N
// renderers instead of N times N converters.
//
// # What a tree looks like
//
// A [Body] is a list of [Node]s. Inline nodes flow in a line, block nodes
// stand on lines of their own; a "\n" in a Text node is a line break. Parsers
// may build any tree they like. [Normalize] brings it into the one form
// renderers can rely on:
//
//   - an inline node holds inline nodes only; a Paragraph and a Heading too;
//   - a List holds Items only, an Item is in a List only;
//   - no format is nested in itself, links and mentions are not nested at all;
//   - neighbouring Text nodes, and neighbours of the same simple format, are one;
//   - nothing is empty, nothing is nested deeper than [MaxDepth];
//   - text is valid UTF-8 without control characters except "\n" and, where
//     it has a meaning, "\t"; fields that do not belong to the kind are zero.
//
// [Split], [Truncate] and the Matrix renderer normalize what they are given
// and return normal trees. [Map] and [Body.String] take the tree as it is.
//
// # What is stored, who owns what
//
// Nothing is stored here and nothing is shared: all functions are pure, keep
// no reference to what they got and may be called concurrently. A Body is
// stored as JSON within the journal's entries, so the JSON names of Node's
// fields and the values of [Kind] never change; new ones may be added, and
// Normalize treats kinds it does not know as their children (or their Text).
package markup
