// Package clients drives the clients of Kubernetes that most programs are written with against a server that KUBECONFIG names.
package clients

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	applyv1 "k8s.io/client-go/applyconfigurations/core/v1"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/client-go/tools/pager"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/util/retry"
)

// A check is one step of a tour; the first that fails ends it.
type check struct{ *testing.T }

func (c check) must(err error, what string) {
	c.Helper()
	if err != nil {
		c.Fatalf("%s: %v", what, err)
	}
}

func (c check) expect(ok bool, what string, got ...any) {
	c.Helper()
	if !ok {
		c.Fatalf("%s: got %v", what, got)
	}
}

// TestClientGo: typed clients in JSON and protobuf, discovery, pages, informers, leader election, events.
func TestClientGo(t *testing.T) {
	c := check{t}
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	cfg, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	c.must(err, "config")
	cfg.QPS, cfg.Burst = 1000, 1000
	pb := *cfg
	pb.ContentType = "application/vnd.kubernetes.protobuf"
	pb.AcceptContentTypes = "application/vnd.kubernetes.protobuf"
	for name, clients := range map[string]*kubernetes.Clientset{"json": kubernetes.NewForConfigOrDie(cfg), "proto": kubernetes.NewForConfigOrDie(&pb)} {
		typed(ctx, c, name, clients)
	}
	cs := kubernetes.NewForConfigOrDie(&pb)
	dyn := dynamic.NewForConfigOrDie(cfg)
	meta := metadata.NewForConfigOrDie(cfg)
	// cached discovery + mapper
	dc := memory.NewMemCacheClient(cs.Discovery())
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(dc)
	m, err := mapper.RESTMapping(schema.GroupKind{Group: "gateway.networking.k8s.io", Kind: "BackendTLSPolicy"}, "v1")
	c.must(err, "mapper")
	c.expect(m.Resource.Resource == "backendtlspolicies", "mapping")
	_, rl, err := dc.ServerGroupsAndResources()
	c.must(err, "groups and resources")
	c.expect(len(rl) > 8, "resources", len(rl))
	pref, err := dc.ServerPreferredResources()
	c.must(err, "preferred")
	c.expect(len(pref) > 5, "preferred n")
	_, err = cs.Discovery().OpenAPIV3().Paths()
	c.must(err, "openapi v3")
	_, err = cs.Discovery().OpenAPISchema()
	c.must(err, "openapi v2")
	// dynamic CRUD + apply
	gvr := m.Resource
	u := map[string]any{"apiVersion": "gateway.networking.k8s.io/v1", "kind": "BackendTLSPolicy", "metadata": map[string]any{"name": "p"}, "spec": map[string]any{"targetRefs": []any{map[string]any{"group": "", "kind": "Service", "name": "x"}}, "validation": map[string]any{"hostname": "a.b", "wellKnownCACertificates": "System"}}}
	uo := &unstructured.Unstructured{Object: u}
	res := dyn.Resource(gvr).Namespace("default")
	_, err = res.Create(ctx, uo, metav1.CreateOptions{})
	c.must(err, "dynamic create")
	uo.SetLabels(map[string]string{"a": "b"})
	uo.SetManagedFields(nil)
	got, err := res.Apply(ctx, "p", uo, metav1.ApplyOptions{FieldManager: "dyn", Force: true})
	c.must(err, "dynamic apply")
	c.expect(got.GetLabels()["a"] == "b", "dynamic label")
	c.must(res.Delete(ctx, "p", metav1.DeleteOptions{}), "dynamic delete")
	for i := 0; i < 25; i++ {
		_, err = cs.CoreV1().ConfigMaps("default").Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("pg-%02d", i), Labels: map[string]string{"pg": "1"}}}, metav1.CreateOptions{})
		if err != nil {
			c.must(err, "create pg")
		}
	}
	p := pager.New(pager.SimplePageFunc(func(o metav1.ListOptions) (runtime.Object, error) {
		return cs.CoreV1().ConfigMaps("default").List(ctx, o)
	}))
	p.PageSize = 7
	n := 0
	c.must(p.EachListItem(ctx, metav1.ListOptions{LabelSelector: "pg=1"}, func(runtime.Object) error { n++; return nil }), "pager")
	c.expect(n == 25, "pager count", n)
	f := informers.NewSharedInformerFactory(cs, 2*time.Second)
	inf := f.Core().V1().ConfigMaps().Informer()
	svcInf := f.Core().V1().Services().Informer()
	slInf := f.Discovery().V1().EndpointSlices().Informer()
	podInf := f.Core().V1().Pods().Informer()
	nodeInf := f.Core().V1().Nodes().Informer()
	var deleted atomic.Int32
	_, err = inf.AddEventHandler(cache.ResourceEventHandlerFuncs{DeleteFunc: func(any) { deleted.Add(1) }})
	c.must(err, "handler")
	f.Start(ctx.Done())
	for t, ok := range f.WaitForCacheSync(ctx.Done()) {
		c.expect(ok, "sync "+t.String())
	}
	c.expect(svcInf.HasSynced() && slInf.HasSynced() && podInf.HasSynced() && nodeInf.HasSynced(), "synced")
	c.expect(len(inf.GetStore().ListKeys()) >= 25, "informer store", len(inf.GetStore().ListKeys()))
	c.must(cs.CoreV1().ConfigMaps("default").DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "pg=1"}), "deletecollection")
	for i := 0; i < 100 && deleted.Load() < 25; i++ {
		time.Sleep(50 * time.Millisecond)
	}
	c.expect(deleted.Load() >= 25, "informer deletes", deleted.Load())
	df := dynamicinformer.NewDynamicSharedInformerFactory(dyn, 0)
	di := df.ForResource(schema.GroupVersionResource{Group: "fairlead.dev", Version: "v1alpha1", Resource: "instances"}).Informer()
	df.Start(ctx.Done())
	df.WaitForCacheSync(ctx.Done())
	c.expect(di.HasSynced(), "dynamic informer")
	ml, err := meta.Resource(schema.GroupVersionResource{Version: "v1", Resource: "services"}).List(ctx, metav1.ListOptions{})
	c.must(err, "metadata list")
	c.expect(len(ml.Items) > 0, "metadata items")
	mw, err := meta.Resource(schema.GroupVersionResource{Version: "v1", Resource: "services"}).Watch(ctx, metav1.ListOptions{})
	c.must(err, "metadata watch")
	ev := <-mw.ResultChan()
	_, isMeta := ev.Object.(*metav1.PartialObjectMetadata)
	c.expect(isMeta, "metadata watch event", fmt.Sprintf("%T", ev.Object))
	mw.Stop()
	// leader election
	led := make(chan struct{})
	lctx, lcancel := context.WithCancel(ctx)
	lock := &resourcelock.LeaseLock{LeaseMeta: metav1.ObjectMeta{Name: "le", Namespace: "default"}, Client: cs.CoordinationV1(), LockConfig: resourcelock.ResourceLockConfig{Identity: "me"}}
	go leaderelection.RunOrDie(lctx, leaderelection.LeaderElectionConfig{Lock: lock, ReleaseOnCancel: true, LeaseDuration: 4 * time.Second, RenewDeadline: 3 * time.Second, RetryPeriod: time.Second, Callbacks: leaderelection.LeaderCallbacks{OnStartedLeading: func(context.Context) { close(led) }, OnStoppedLeading: func() {}}})
	<-led
	time.Sleep(1500 * time.Millisecond)
	lcancel()
	time.Sleep(300 * time.Millisecond)
	le, err := cs.CoordinationV1().Leases("default").Get(ctx, "le", metav1.GetOptions{})
	c.must(err, "lease")
	c.expect(le.Spec.HolderIdentity == nil || *le.Spec.HolderIdentity == "", "lease released", le.Spec)
	// event recorder
	b := record.NewBroadcaster()
	b.StartRecordingToSink(&typedSink{cs})
	r := b.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "tour"})
	svc, err := cs.CoreV1().Services("default").Get(ctx, "kubernetes", metav1.GetOptions{})
	if err == nil {
		r.Event(svc, "Normal", "Tour", "hello")
		r.Event(svc, "Normal", "Tour", "hello")
		time.Sleep(700 * time.Millisecond)
		el, err := cs.CoreV1().Events("default").List(ctx, metav1.ListOptions{FieldSelector: "reason=Tour"})
		c.must(err, "events")
		c.expect(len(el.Items) == 1 && el.Items[0].Count == 2, "event count", len(el.Items))
	}
}

// A typedSink writes events as components do.
type typedSink struct{ c *kubernetes.Clientset }

func (s *typedSink) Create(e *corev1.Event) (*corev1.Event, error) {
	return s.c.CoreV1().Events(e.Namespace).CreateWithEventNamespaceWithContext(context.TODO(), e)
}
func (s *typedSink) Update(e *corev1.Event) (*corev1.Event, error) {
	return s.c.CoreV1().Events(e.Namespace).UpdateWithEventNamespaceWithContext(context.TODO(), e)
}
func (s *typedSink) Patch(e *corev1.Event, d []byte) (*corev1.Event, error) {
	return s.c.CoreV1().Events(e.Namespace).PatchWithEventNamespaceWithContext(context.TODO(), e, d)
}

func typed(ctx context.Context, c check, name string, cs *kubernetes.Clientset) {
	ns, err := cs.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "tour-"}}, metav1.CreateOptions{})
	c.must(err, name+" namespace")
	n := ns.Name
	s, err := cs.CoreV1().Services(n).Create(ctx, &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "s"}, Spec: corev1.ServiceSpec{Type: "NodePort", Ports: []corev1.ServicePort{{Port: 80}}}}, metav1.CreateOptions{})
	c.must(err, name+" service")
	c.expect(s.Spec.ClusterIP != "" && s.Spec.Ports[0].NodePort != 0, name+" allocated")
	err = retry.RetryOnConflict(retry.DefaultRetry, func() error {
		s.Labels = map[string]string{"x": "y"}
		s.ResourceVersion = "1"
		_, err := cs.CoreV1().Services(n).Update(ctx, s, metav1.UpdateOptions{})
		if apierrors.IsConflict(err) {
			s, _ = cs.CoreV1().Services(n).Get(ctx, "s", metav1.GetOptions{})
			_, err = cs.CoreV1().Services(n).Update(ctx, s, metav1.UpdateOptions{})
		}
		return err
	})
	c.must(err, name+" conflict")
	_, err = cs.CoreV1().Services(n).Patch(ctx, "s", types.StrategicMergePatchType, []byte(`{"spec":{"ports":[{"port":81,"name":"b"},{"port":80,"name":"a"}]}}`), metav1.PatchOptions{})
	c.must(err, name+" smp")
	_, err = cs.CoreV1().Services(n).Apply(ctx, applyv1.Service("s", n).WithLabels(map[string]string{"q": "r"}), metav1.ApplyOptions{FieldManager: "tour", Force: true})
	c.must(err, name+" apply")
	w, err := cs.CoreV1().ConfigMaps(n).Watch(ctx, metav1.ListOptions{AllowWatchBookmarks: true})
	c.must(err, name+" watch")
	_, err = cs.CoreV1().ConfigMaps(n).Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "c"}, BinaryData: map[string][]byte{"b": {0, 1, 2}}}, metav1.CreateOptions{})
	c.must(err, name+" cm")
	for ev := range w.ResultChan() {
		if cm, ok := ev.Object.(*corev1.ConfigMap); ok && cm.Name == "c" {
			c.expect(len(cm.BinaryData["b"]) == 3, name+" bytes")
			break
		}
	}
	w.Stop()
	_, err = cs.CoreV1().Pods(n).Create(ctx, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p"}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "i"}}}}, metav1.CreateOptions{})
	c.must(err, name+" pod")
	p, err := cs.CoreV1().Pods(n).Get(ctx, "p", metav1.GetOptions{})
	c.must(err, name+" pod get")
	p.Status.Phase = "Running"
	p.Status.PodIP = "10.1.2.3"
	p.Status.Conditions = append(p.Status.Conditions, corev1.PodCondition{Type: "Ready", Status: "True"})
	_, err = cs.CoreV1().Pods(n).UpdateStatus(ctx, p, metav1.UpdateOptions{})
	c.must(err, name+" pod status")
	port := int32(80)
	pn := "http"
	_, err = cs.DiscoveryV1().EndpointSlices(n).Create(ctx, &discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{Name: "e"}, AddressType: "IPv4", Endpoints: nil, Ports: []discoveryv1.EndpointPort{{Port: &port, Name: &pn}}}, metav1.CreateOptions{})
	c.must(err, name+" slice")
	c.must(cs.CoreV1().Pods(n).Delete(ctx, "p", metav1.DeleteOptions{}), name+" delete pod")
	c.must(cs.CoreV1().Namespaces().Delete(ctx, n, metav1.DeleteOptions{}), name+" delete ns")
}
