package gateway

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/websocket"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Where Pods live: the network that the runner routes to the loopback interface.
const podNetwork = "10.250.16."

// Ports of an echo server, which the Services of the suite name.
const (
	portHTTP  = "3000"
	portH2C   = "3001"
	portHTTPS = "8443"
)

// pods are the echo servers, by namespace and name.
type pods struct {
	mutex     sync.Mutex
	echoes    map[string]*echo
	selectors map[client.ObjectKey]map[string]string
}

func newPods() *pods {
	return &pods{echoes: map[string]*echo{}, selectors: map[client.ObjectKey]map[string]string{}}
}

func (p *pods) deploy(key client.ObjectKey, labels map[string]string) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.selectors[key] = labels
}

// forget drops a Deployment. Its Pods go with their namespace.
func (p *pods) forget(key client.ObjectKey) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	delete(p.selectors, key)
}

func (p *pods) selector(key client.ObjectKey) (map[string]string, bool) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	labels, known := p.selectors[key]
	return labels, known
}

func (p *pods) log(namespace, name string) string {
	p.mutex.Lock()
	echo := p.echoes[namespace+"/"+name]
	p.mutex.Unlock()
	if echo == nil {
		return ""
	}
	echo.mutex.Lock()
	defer echo.mutex.Unlock()
	return echo.written.String()
}

// start runs an echo server at an address of its own.
func (p *pods) start(namespace, base string, tls *identity) (*echo, error) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	number := len(p.echoes) + 1
	// The middle part is what a ReplicaSet would add; tests cut it off to get the Deployment's name.
	one := &echo{ip: podNetwork + strconv.Itoa(number), namespace: namespace, pod: fmt.Sprintf("%s-5d6f7c8b9f-%05d", base, number), tls: tls, failed: map[string]int{}}
	if err := one.serve(); err != nil {
		return nil, err
	}
	p.echoes[namespace+"/"+one.pod] = one
	return one, nil
}

// echo is one server: it tells in JSON what reached it.
type echo struct {
	ip, namespace, pod string
	// Who it is on its HTTPS port; without it there is none.
	tls *identity

	mutex   sync.Mutex
	written strings.Builder
	failed  map[string]int
}

func (e *echo) serve() error {
	routes := http.NewServeMux()
	routes.HandleFunc("/", e.answer)
	routes.HandleFunc("/status/{code}", func(writer http.ResponseWriter, request *http.Request) {
		code, err := strconv.Atoi(request.PathValue("code"))
		if err != nil || code < 100 || code > 999 {
			code = http.StatusBadRequest
		}
		writer.WriteHeader(code)
	})
	routes.HandleFunc("/retry/", e.retry)
	routes.Handle("/ws", websocket.Handler(func(socket *websocket.Conn) { _, _ = io.Copy(socket, socket) }))
	// Paths are echoed as they come, so the redirects of ServeMux for doubled slashes must not get in between.
	plain := http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		request.URL.Path = strings.ReplaceAll(request.URL.Path, "//", "/")
		routes.ServeHTTP(writer, request)
	})
	only2 := http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		if request.ProtoMajor != 2 {
			writer.WriteHeader(http.StatusBadRequest)
			return
		}
		e.answer(writer, request)
	})
	priorKnowledge := new(http.Protocols)
	priorKnowledge.SetHTTP1(true)
	priorKnowledge.SetUnencryptedHTTP2(true)
	servers := []*http.Server{
		{Addr: net.JoinHostPort(e.ip, portHTTP), Handler: plain},
		{Addr: net.JoinHostPort(e.ip, portH2C), Handler: only2, Protocols: priorKnowledge},
	}
	if e.tls != nil {
		servers = append(servers, &http.Server{Addr: net.JoinHostPort(e.ip, portHTTPS), Handler: plain, TLSConfig: e.tls.config()})
	}
	for _, server := range servers {
		listener, err := net.Listen("tcp", server.Addr)
		if err != nil {
			return fmt.Errorf("echo server (is 10.250.0.0/16 routed to the loopback interface?): %w", err)
		}
		if server.TLSConfig != nil {
			go func() { _ = server.ServeTLS(listener, "", "") }()
		} else {
			go func() { _ = server.Serve(listener) }()
		}
	}
	return nil
}

func (e *echo) answer(writer http.ResponseWriter, request *http.Request) {
	e.mutex.Lock()
	fmt.Fprintf(&e.written, "Echoing back request made to %s to client (%s)\n", request.RequestURI, request.RemoteAddr)
	e.mutex.Unlock()
	if delay, err := time.ParseDuration(request.FormValue("delay")); err == nil {
		time.Sleep(delay)
	}
	said, err := json.MarshalIndent(map[string]any{
		"path": request.RequestURI, "host": request.Host, "method": request.Method, "proto": request.Proto, "headers": request.Header,
		"httpPort": portHTTP, "namespace": e.namespace, "ingress": "", "service": "", "pod": e.pod,
		"tls": assertions(request.TLS),
	}, "", " ")
	if err != nil {
		http.Error(writer, err.Error(), http.StatusInternalServerError)
		return
	}
	set(writer.Header(), request.Header["X-Echo-Set-Header"])
	writer.Header().Set("Content-Type", "application/json")
	_, _ = writer.Write(said)
}

// set adds the fields that a request asks for, `Name: value` separated by commas; of one name it makes one field.
func set(header http.Header, wishes []string) {
	for _, wish := range strings.Split(strings.Join(wishes, ","), ",") {
		name, value, found := strings.Cut(strings.TrimSpace(wish), ":")
		if !found {
			continue
		}
		if known := header.Values(name); len(known) > 0 {
			header[name] = []string{known[0] + "," + strings.TrimSpace(value)}
		} else {
			header[name] = []string{value}
		}
	}
}

// retry fails as often as `succeedAfter` says for each `uuid`: with `responseCode`, or else by a reset.
func (e *echo) retry(writer http.ResponseWriter, request *http.Request) {
	query := request.URL.Query()
	after, _ := strconv.Atoi(query.Get("succeedAfter"))
	e.mutex.Lock()
	fails := e.failed[query.Get("uuid")] < after
	if fails {
		e.failed[query.Get("uuid")]++
	}
	e.mutex.Unlock()
	if !fails {
		e.answer(writer, request)
		return
	}
	if delay, err := time.ParseDuration(query.Get("delayRetry")); err == nil {
		time.Sleep(delay)
	}
	if code, err := strconv.Atoi(query.Get("responseCode")); err == nil {
		writer.WriteHeader(code)
		return
	}
	if connection, _, err := http.NewResponseController(writer).Hijack(); err == nil {
		if socket, ok := connection.(*net.TCPConn); ok {
			_ = socket.SetLinger(0)
		}
		_ = connection.Close()
	}
}
