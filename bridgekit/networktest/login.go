package networktest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// loginCases are the rules about login flows.
func loginCases() []Case {
	return []Case{
		{"LoginCompletes", needsFlows, loginCompletes},
		{"WrongAnswerIsRejected", needsAnswers, wrongAnswer},
		{"CancelledLoginLeavesNothing", needsFlows, cancelledLogin},
	}
}

func needsFlows(n Needs) string {
	switch {
	case len(n.Flows) == 0:
		return "no login flows"
	case n.Acts.Answer == nil && n.Acts.Scan == nil:
		return "the fake plays no person"
	}
	return ""
}

func needsAnswers(n Needs) string {
	if why := needsFlows(n); why != "" {
		return why
	}
	if n.Acts.Answer == nil {
		return "no flow asks anything"
	}
	return ""
}

// person is the Prompter of a flow.
type person struct {
	acts  Acts
	flow  string
	wrong bool
	// until is the number of the prompt at which cancel is called; 0: never.
	until  int
	cancel context.CancelFunc

	mu    sync.Mutex
	asked int // fields
	shown int
}

// prompted counts a prompt and reports whether the person gives up now.
func (p *person) prompted(n *int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	*n++
	return p.until > 0 && p.asked+p.shown >= p.until
}

// Ask implements network.Prompter.
func (p *person) Ask(ctx context.Context, f network.Field) (string, error) {
	if f.Name == "" {
		return "", errors.New("a field has no name")
	}
	if p.prompted(&p.asked) {
		p.cancel()
		<-ctx.Done()
		return "", ctx.Err()
	}
	if p.acts.Answer == nil {
		return "", fmt.Errorf("harness: no answer to %q", f.Name)
	}
	return p.acts.Answer(ctx, p.flow, f, p.wrong)
}

// Show implements network.Prompter.
func (p *person) Show(ctx context.Context, d network.Display) error {
	if d.Text == "" && d.QR == "" {
		return errors.New("a display is empty")
	}
	if p.prompted(&p.shown) {
		p.cancel()
		<-ctx.Done()
		return ctx.Err()
	}
	if p.acts.Scan == nil {
		return nil
	}
	return p.acts.Scan(ctx, p.flow, d)
}

// flows calls f for each login flow of a new connector.
func flows(h Harness, f func(flow network.LoginFlow) error) error {
	conn, err := h.Connector()
	if err != nil {
		return fmt.Errorf("harness: connector: %w", err)
	}
	for _, flow := range conn.Flows() {
		if err := f(flow); err != nil {
			return fmt.Errorf("flow %s: %w", flow.ID, err)
		}
	}
	return nil
}

func loginCompletes(ctx context.Context, h Harness) error {
	return flows(h, func(flow network.LoginFlow) error {
		login, err := flow.Do(ctx, &person{acts: h.Acts(), flow: flow.ID})
		if err != nil {
			return fmt.Errorf("log in: %w", err)
		}
		if login.ID == "" || login.User == "" || login.Name == "" {
			return fmt.Errorf("ID, user or name is missing in the login %q, %q, %q", login.ID, login.User, login.Name)
		}
		s, err := newCore(loggedIn{h, login}).begin(ctx)
		if err != nil {
			return fmt.Errorf("use the login: %w", err)
		}
		return s.end()
	})
}

// loggedIn is a harness with a login that a flow returned.
type loggedIn struct {
	Harness
	login network.Login
}

// Login implements Harness.
func (l loggedIn) Login() network.Login { return l.login }

// sessions counts what the network holds, 0 if the fake cannot tell.
func sessions(ctx context.Context, h Harness) (int, error) {
	if h.Acts().Sessions == nil {
		return 0, nil
	}
	n, err := h.Acts().Sessions(ctx)
	if err != nil {
		return 0, fmt.Errorf("harness: sessions: %w", err)
	}
	return n, nil
}

// sessionsAre waits until the network holds want sessions again.
func sessionsAre(ctx context.Context, h Harness, want int) error {
	if h.Acts().Sessions == nil {
		return nil
	}
	got := 0
	err := poll(ctx, func() (bool, error) {
		var err error
		got, err = h.Acts().Sessions(ctx)
		return got == want, err
	})
	if err != nil {
		return fmt.Errorf("the network holds %d sessions, there were %d: %w", got, want, err)
	}
	return nil
}

func wrongAnswer(ctx context.Context, h Harness) error {
	return flows(h, func(flow network.LoginFlow) error {
		before, err := sessions(ctx, h)
		if err != nil {
			return err
		}
		p := &person{acts: h.Acts(), flow: flow.ID, wrong: true}
		_, err = flow.Do(ctx, p)
		if p.asked == 0 {
			return nil // there is nothing to answer wrongly
		}
		if err := explained("a wrong answer", err, network.Rejected); err != nil {
			return err
		}
		return sessionsAre(ctx, h, before)
	})
}

// cancelledLogin gives up at the first prompt, then at the second, and so on.
func cancelledLogin(ctx context.Context, h Harness) error {
	return flows(h, func(flow network.LoginFlow) error {
		for until := 1; until < 50; until++ {
			done, err := giveUp(ctx, h, flow, until)
			if err != nil {
				return fmt.Errorf("given up at prompt %d: %w", until, err)
			}
			if done {
				return nil
			}
		}
		return errors.New("the flow does not end")
	})
}

// giveUp runs a flow and cancels at the given prompt; done if it did not come to that.
func giveUp(ctx context.Context, h Harness, flow network.LoginFlow, until int) (done bool, err error) {
	before, err := sessions(ctx, h)
	if err != nil {
		return false, err
	}
	p := &person{acts: h.Acts(), flow: flow.ID, until: until}
	var took time.Duration
	left := labelled(ctx, func(ctx context.Context) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		var at time.Time
		p.cancel = func() { at = time.Now(); cancel() }
		_, err = flow.Do(ctx, p)
		took = time.Since(at)
	})
	if p.asked+p.shown < until {
		return true, err
	}
	switch {
	case !errors.Is(err, context.Canceled):
		return false, fmt.Errorf("the flow returned %v, want an error that wraps context.Canceled", err)
	case took > prompt:
		return false, fmt.Errorf("the flow took %v to return", took)
	}
	if err := sessionsAre(ctx, h, before); err != nil {
		return false, err
	}
	return false, nobodyLeft(ctx, left)
}
