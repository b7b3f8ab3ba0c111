// The engine of Redpanda Connect (Benthos) with two parts that are not in its core module, written after their documentation: the input
// `redis_streams` and the processor `javascript` (goja). An output tells how far it is, as bench/support/telling.ts does.
package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dop251/goja"
	"github.com/redis/go-redis/v9"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"
)

// One message at a time, as the original hands them on; acknowledged together every commit period.
type streams struct {
	url, group, body string
	keys             []string
	limit            int64
	period           time.Duration
	client           *redis.Client
	mutex            sync.Mutex
	pending          []pending
	done             map[string][]string
}

type pending struct{ key, id, body string }

func (s *streams) Connect(ctx context.Context) error {
	options, err := redis.ParseURL(s.url)
	if err != nil {
		return err
	}
	s.client = redis.NewClient(options)
	for _, key := range s.keys {
		err := s.client.XGroupCreate(ctx, key, s.group, "0").Err()
		if err != nil && !strings.HasPrefix(err.Error(), "BUSYGROUP") {
			return err
		}
	}
	go func() {
		for range time.Tick(s.period) {
			s.commit()
		}
	}()
	return nil
}

func (s *streams) commit() {
	s.mutex.Lock()
	done := s.done
	s.done = map[string][]string{}
	s.mutex.Unlock()
	if len(done) == 0 {
		return
	}
	pipe := s.client.Pipeline()
	for key, ids := range done {
		pipe.XAck(context.Background(), key, s.group, ids...)
	}
	if _, err := pipe.Exec(context.Background()); err != nil {
		panic(err)
	}
}

func (s *streams) Read(ctx context.Context) (*service.Message, service.AckFunc, error) {
	for len(s.pending) == 0 {
		asked := append([]string{}, s.keys...)
		for range s.keys {
			asked = append(asked, ">")
		}
		replies, err := s.client.XReadGroup(ctx, &redis.XReadGroupArgs{
			Group: s.group, Consumer: "consumer", Streams: asked, Count: s.limit, Block: time.Second,
		}).Result()
		if err != nil && err != redis.Nil {
			return nil, nil, err
		}
		for _, reply := range replies {
			for _, entry := range reply.Messages {
				body, _ := entry.Values[s.body].(string)
				s.pending = append(s.pending, pending{reply.Stream, entry.ID, body})
			}
		}
	}
	next := s.pending[0]
	s.pending = s.pending[1:]
	return service.NewMessage([]byte(next.body)), func(_ context.Context, err error) error {
		if err == nil {
			s.mutex.Lock()
			s.done[next.key] = append(s.done[next.key], next.id)
			s.mutex.Unlock()
		}
		return nil
	}, nil
}

func (s *streams) Close(context.Context) error { return s.client.Close() }

type script struct {
	program *goja.Program
	runners sync.Pool
}

type runner struct {
	vm      *goja.Runtime
	message *service.Message
}

func (s *script) Process(_ context.Context, message *service.Message) (service.MessageBatch, error) {
	one, _ := s.runners.Get().(*runner)
	if one == nil {
		one = &runner{vm: goja.New()}
		api := map[string]any{
			"v0_msg_as_string": func() (string, error) {
				bytes, err := one.message.AsBytes()
				return string(bytes), err
			},
			"v0_msg_set_string": func(text string) { one.message.SetBytes([]byte(text)) },
		}
		if err := one.vm.Set("benthos", api); err != nil {
			return nil, err
		}
	}
	defer s.runners.Put(one)
	one.message = message
	if _, err := one.vm.RunProgram(s.program); err != nil {
		return nil, err
	}
	return service.MessageBatch{message}, nil
}

func (s *script) Close(context.Context) error { return nil }

type telling struct{ done atomic.Int64 }

func (t *telling) Connect(context.Context) error {
	go func() {
		for range time.Tick(50 * time.Millisecond) {
			fmt.Printf("at %d\n", t.done.Load())
		}
	}()
	return nil
}

func (t *telling) Write(_ context.Context, message *service.Message) error {
	if message.GetError() == nil {
		t.done.Add(1)
	}
	return nil
}

func (t *telling) Close(context.Context) error { return nil }

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	must(service.RegisterInput("redis_streams", service.NewConfigSpec().Fields(
		service.NewStringField("url"), service.NewStringListField("streams"), service.NewStringField("consumer_group"),
		service.NewStringField("body_key"), service.NewIntField("limit"), service.NewDurationField("commit_period"),
	), func(conf *service.ParsedConfig, _ *service.Resources) (service.Input, error) {
		s := &streams{done: map[string][]string{}}
		s.url, _ = conf.FieldString("url")
		s.keys, _ = conf.FieldStringList("streams")
		s.group, _ = conf.FieldString("consumer_group")
		s.body, _ = conf.FieldString("body_key")
		limit, _ := conf.FieldInt("limit")
		s.limit = int64(limit)
		s.period, _ = conf.FieldDuration("commit_period")
		return s, nil
	}))
	must(service.RegisterProcessor("javascript", service.NewConfigSpec().Field(service.NewStringField("code")),
		func(conf *service.ParsedConfig, _ *service.Resources) (service.Processor, error) {
			code, err := conf.FieldString("code")
			if err != nil {
				return nil, err
			}
			program, err := goja.Compile("code", "(() => {"+code+"})()", false)
			return &script{program: program}, err
		}))
	must(service.RegisterOutput("tell", service.NewConfigSpec(),
		func(*service.ParsedConfig, *service.Resources) (service.Output, int, error) { return &telling{}, 1, nil }))
	service.RunCLI(context.Background())
}
