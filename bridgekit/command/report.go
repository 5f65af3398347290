package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/causeway-chat/causeway/bridgekit/markup"
)

// A Report is the answer to an operator's command: the bot says it, the program
// prints it, and as JSON it is for other programs.
type Report struct {
	Title   string          `json:"title,omitempty"`
	Columns []string        `json:"columns,omitempty"` // of a table
	Rows    [][]string      `json:"rows,omitempty"`    // for people
	Items   json.RawMessage `json:"items,omitempty"`   // the same for programs
	Words   string          `json:"words,omitempty"`   // what there is to say besides
}

// An Operator is a command of the table that the program offers under the same name,
// with the same words.
type Operator struct {
	Name, Args, Help string
	// Confirm: without the argument "confirm" it says what it would do.
	Confirm bool
}

// An operation does an operator's command. It runs with the power of an
// administrator; what the bot does for others is checked before.
type operation func(ctx context.Context, b Backend, args []string) (Report, error)

// ErrUsage is returned by Operate if the arguments are not those of the command.
var ErrUsage = errors.New("these are not the command's arguments")

// operations are the commands that the program offers. Their names, arguments and
// help are in the table.
func operations() map[string]operation {
	return map[string]operation{
		"users": usersReport, "portals": portalsReport, "logins": loginsReport, "health": healthReport,
		"bridge-all": bridgeAllReport, "double-puppet": puppetReport, "forget": forgetReport, "export": exportReport,
		"set-relay": relayReport, "unset-relay": unrelayReport,
	}
}

// Operators lists the commands that the program offers, in the order of the table.
func Operators() []Operator {
	var out []Operator
	do := operations()
	for _, cmd := range commands() {
		if do[cmd.name] != nil {
			args, confirm := strings.CutSuffix(cmd.args, " [confirm]")
			if cmd.where == portal { // in whose room the bot is asked
				args = "<room> " + args
			}
			out = append(out, Operator{Name: cmd.name, Args: args, Help: cmd.help, Confirm: confirm})
		}
	}
	return out
}

// Help is the help line of a command of the table.
func Help(name string) string {
	for _, cmd := range commands() {
		if cmd.name == name {
			return cmd.help
		}
	}
	return ""
}

// Operate does an operator's command for whoever runs the program.
func Operate(ctx context.Context, b Backend, name string, args []string) (Report, error) {
	do := operations()[name]
	if do == nil {
		return Report{}, fmt.Errorf("%q: %w", name, ErrUsage)
	}
	return do(ctx, b, args)
}

// table is a report of items, each of which has a row.
func table[T any](title string, columns []string, items []T, row func(T) []string, none string) (Report, error) {
	if items == nil {
		items = []T{}
	}
	data, err := json.Marshal(items)
	if err != nil {
		return Report{}, fmt.Errorf("encode %s: %w", title, err)
	}
	r := Report{Title: title, Columns: columns, Items: data}
	for _, it := range items {
		r.Rows = append(r.Rows, row(it))
	}
	if len(items) == 0 {
		r.Words = none
	}
	return r, nil
}

// shownAtMost is how many rows the bot says.
const shownAtMost = 50

// show is a report as the bot says it: a row is its first cell and what the others
// are called.
func (k *call) show(r Report) markup.Body {
	if len(r.Rows) == 0 {
		return say(r.Words)
	}
	var items []markup.Body
	for _, row := range r.Rows[:min(len(r.Rows), shownAtMost)] {
		var cells []string
		for i, cell := range row[1:] {
			if cell != "" && cell != "0" {
				cells = append(cells, r.Columns[i+1]+" "+cell)
			}
		}
		items = append(items, say(code(row[0]), ": ", strings.Join(cells, ", ")))
	}
	body := say(r.Title+":", list(items))
	if n := len(r.Rows) - shownAtMost; n > 0 {
		body = say(body, fmt.Sprintf("And %d more. On the command line: ", n), code("causeway "+k.cmd.name), ".")
	}
	if r.Words != "" {
		body = say(body, r.Words)
	}
	return body
}

// operated runs an operator's command as the bot.
func operated(ctx context.Context, k *call) (markup.Body, error) {
	r, err := operations()[k.cmd.name](ctx, k.c.b, k.args)
	if errors.Is(err, ErrUsage) {
		return k.usage(), nil
	}
	if err != nil {
		return nil, err
	}
	return k.show(r), nil
}
