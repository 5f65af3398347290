package peer
import ("context";"errors";"github.com/causeway-chat/causeway/testbed/bench/wire")
func Run(ctx context.Context, spec wire.Spec) error { return errors.New("later") }
