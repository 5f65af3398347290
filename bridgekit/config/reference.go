package config

import (
	"fmt"
	"reflect"
	"strings"
	"time"
)

// Reference documents every key, with its default, as a commented YAML file. It
// is made from the types of this package, so it cannot fall behind.
func Reference() string {
	var b strings.Builder
	b.WriteString(`# Every key of causeway.yaml. What has a value here has it as default; what is
# behind a # has none and shows an example. Any text may come from a file or
# from the environment instead: key_file, key_env.
`)
	reference(&b, reflect.ValueOf(Defaults()).Elem(), "")
	return b.String()
}

func reference(b *strings.Builder, v reflect.Value, indent string) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if !f.IsExported() {
			continue
		}
		name := f.Tag.Get("yaml")
		if indent == "" {
			b.WriteString("\n")
		}
		for _, line := range wrap(f.Tag.Get("doc"), 76-len(indent)) {
			fmt.Fprintf(b, "%s# %s\n", indent, line)
		}
		switch example := f.Tag.Get("example"); {
		case f.Type == reflect.TypeFor[Networks]():
			b.WriteString("networks:\n  # irc.libera:\n  #   the keys of each network are in its own guide\n")
		case strings.HasPrefix(example, "_"):
			fmt.Fprintf(b, "%s# %s%s\n", indent, name, example)
		case example != "":
			fmt.Fprintf(b, "%s# %s: %s\n", indent, name, example)
		case f.Type.Kind() == reflect.Struct && !isText(f.Type):
			fmt.Fprintf(b, "%s%s:\n", indent, name)
			reference(b, v.Field(i), indent+"  ")
		default:
			fmt.Fprintf(b, "%s%s: %s\n", indent, name, shown(v.Field(i)))
		}
	}
}

// shown is a default as the file would write it.
func shown(v reflect.Value) string {
	if d, ok := v.Interface().(time.Duration); ok {
		return formatDuration(d)
	}
	s := fmt.Sprint(v.Interface())
	if strings.ContainsAny(s, "<>{}") {
		return fmt.Sprintf("%q", s)
	}
	return s
}

// wrap breaks text into lines of at most width bytes, where words allow it.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case len(line)+1+len(word) > width:
			lines, line = append(lines, line), word
		default:
			line += " " + word
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}
