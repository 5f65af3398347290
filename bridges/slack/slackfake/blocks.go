package slackfake

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

func join(list []string) string { return strings.Join(list, ",") }

// checkBlocks refuses what Slack would, as far as https://docs.slack.dev/reference/block-kit
// says.
func checkBlocks(blocks []any) error {
	var wrong []string
	if len(blocks) > 50 {
		wrong = append(wrong, "[ERROR] no more than 50 items allowed [json-pointer:/blocks]")
	}
	for i, b := range blocks {
		o, _ := b.(JSON)
		if what := checkBlock(o); what != "" {
			wrong = append(wrong, fmt.Sprintf("[ERROR] %s [json-pointer:/blocks/%d]", what, i))
		}
	}
	if wrong == nil {
		return nil
	}
	return &failure{code: "invalid_blocks", more: JSON{"errors": wrong, "response_metadata": JSON{"messages": wrong}}}
}

// checkBlock is what is wrong with a block, or empty.
func checkBlock(o JSON) string {
	need := func(names ...string) string {
		for _, n := range names {
			if o[n] == nil {
				return "missing required field: " + n
			}
		}
		return ""
	}
	switch str(o, "type") {
	case "rich_text":
		return richText(o)
	case "section":
		if o["text"] == nil && o["fields"] == nil {
			return "missing required field: text"
		}
		return textObject(o["text"], 3000)
	case "header":
		if what := need("text"); what != "" {
			return what
		}
		return textObject(o["text"], 150)
	case "context", "actions", "context_actions":
		list, _ := o["elements"].([]any)
		if len(list) == 0 {
			return "missing required field: elements"
		}
		return ""
	case "image":
		if o["image_url"] == nil && o["slack_file"] == nil {
			return "missing required field: image_url"
		}
		return need("alt_text")
	case "markdown":
		if utf8.RuneCountInString(str(o, "text")) > 12000 {
			return "must be less than 12001 characters"
		}
		return need("text")
	case "divider":
		return ""
	case "table":
		return need("rows")
	case "video":
		return need("alt_text", "title", "thumbnail_url", "video_url")
	case "input":
		return need("label", "element")
	case "file":
		return need("external_id", "source")
	default:
		return fmt.Sprintf("unsupported type: %s", str(o, "type"))
	}
}

// textObject is what is wrong with the text of a block.
func textObject(v any, most int) string {
	if v == nil {
		return ""
	}
	o, _ := v.(JSON)
	text, ok := o["text"].(string)
	switch {
	case str(o, "type") != "plain_text" && str(o, "type") != "mrkdwn":
		return "must provide a text object"
	case !ok || text == "":
		return "must be more than 0 characters"
	case utf8.RuneCountInString(text) > most:
		return fmt.Sprintf("must be less than %d characters", most+1)
	}
	return ""
}

// richText is what is wrong with a rich_text block.
func richText(o JSON) string {
	list, ok := o["elements"].([]any)
	if !ok {
		return "missing required field: elements"
	}
	for _, v := range list {
		e, _ := v.(JSON)
		inner, ok := e["elements"].([]any)
		switch kind := str(e, "type"); kind {
		case "rich_text_section", "rich_text_preformatted", "rich_text_quote":
			if !ok {
				return "missing required field: elements"
			}
			if what := inline(inner); what != "" {
				return what
			}
		case "rich_text_list":
			if style := str(e, "style"); style != "bullet" && style != "ordered" {
				return "missing required field: style"
			}
			for _, section := range inner {
				item, _ := section.(JSON)
				words, _ := item["elements"].([]any)
				if str(item, "type") != "rich_text_section" {
					return "unsupported type: " + str(item, "type")
				}
				if what := inline(words); what != "" {
					return what
				}
			}
		default:
			return "unsupported type: " + kind
		}
	}
	return ""
}

// inline is what is wrong with the elements of a section.
func inline(list []any) string {
	needs := map[string]string{
		"text": "text", "link": "url", "user": "user_id", "channel": "channel_id", "usergroup": "usergroup_id",
		"emoji": "name", "broadcast": "range", "date": "timestamp", "color": "value", "team": "team_id",
	}
	for _, v := range list {
		e, _ := v.(JSON)
		field, ok := needs[str(e, "type")]
		if !ok {
			return "unsupported type: " + str(e, "type")
		}
		if e[field] == nil || e[field] == "" {
			return "missing required field: " + field
		}
	}
	return ""
}

// named gives blocks that have none an ID.
func (s *Server) named(blocks []any) []any {
	for _, b := range blocks {
		if o, ok := b.(JSON); ok && str(o, "block_id") == "" {
			o["block_id"] = s.id("")
		}
	}
	return blocks
}
