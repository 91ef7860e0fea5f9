-- trunkline.definition(publication): the definition document of docs/definition.md.
--
-- The daemon carries the query between the dollar quotes in its binary, so that both give the same
-- text; a source needs the function for DDL capture alone (ddl_capture.sql).
--
-- Runs on Postgres 14 and later: what a version may lack is taken by name from to_jsonb of its row.
-- Needs an empty search_path, so that every name inside an expression prints qualified, and the
-- settings below, under which values print.
--
-- pg_get_...def() looks at what is committed now, not at what the query sees: for an object that
-- was dropped meanwhile it yields null. Such an object is left out.
create schema if not exists trunkline;
create or replace function trunkline.definition(publication name) returns json
language sql stable
set search_path = ''
set datestyle = 'ISO, MDY'
set intervalstyle = 'postgres'
set timezone = 'UTC'
set bytea_output = 'hex'
set extra_float_digits = 3
set lc_monetary = 'C'
set quote_all_identifiers = off
set jit = off
as $definition$
with recursive
publication as (
  select pg.pubname from pg_catalog.pg_publication pg where pg.pubname = $1
),
published as (
  select c.oid,
         to_jsonb(pt) ->> 'rowfilter' as row_filter,
         -- The view may name generated columns, which are not sent before Postgres 18.
         (select jsonb_agg(a.attname order by a.attnum)
          from jsonb_array_elements_text(nullif(to_jsonb(pt) -> 'attnames', 'null')) as listed(name)
          join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attname = listed.name
          where a.attgenerated = '' or current_setting('server_version_num')::int >= 180000
         ) as columns
  from publication p
  join pg_catalog.pg_publication_tables pt on pt.pubname = p.pubname
  join pg_catalog.pg_namespace n on n.nspname = pt.schemaname
  join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = pt.tablename
),
-- Published tables, the partitioned tables above them, and the partitions below those published
-- as a whole.
tables as (
  select oid,
         bool_or(published) as published,
         max(row_filter) as row_filter,
         (array_agg(columns) filter (where published))[1] as published_columns
  from (
    select p.oid, true as published, p.row_filter, p.columns from published p
    union all
    select a.relid, false, null, null
    from published p, pg_catalog.pg_partition_ancestors(p.oid) a
    union all
    select t.relid, false, null, null from published p, pg_catalog.pg_partition_tree(p.oid) t
  ) every
  group by oid
),
-- Postgres 18 on: each not-null mark is a constraint with a name, and may be NOT VALID.
not_nulls as (
  select o.conrelid, o.conkey[1] as attnum, o.conname, o.convalidated
  from tables
  join pg_catalog.pg_constraint o on o.conrelid = tables.oid and o.contype = 'n'
),
columns as (
  select a.*, a.xmin::text::bigint as since, t.typcollation,
         a.attnotnull and coalesce(nn.convalidated, true) as not_null,
         case when nn.convalidated then nn.conname end as not_null_name
  from tables
  join pg_catalog.pg_attribute a on a.attrelid = tables.oid
  join pg_catalog.pg_type t on t.oid = a.atttypid
  left join not_nulls nn on nn.conrelid = a.attrelid and nn.attnum = a.attnum
  where a.attnum > 0 and not a.attisdropped
),
-- The index whose columns a RELATION message flags as key.
identity_index as (
  select c.oid as table_oid, i.indexrelid, i.indkey
  from tables
  join pg_catalog.pg_class c on c.oid = tables.oid
  join pg_catalog.pg_index i on i.indrelid = c.oid and i.indisvalid and i.indimmediate
  where (c.relreplident = 'd' and i.indisprimary) or (c.relreplident = 'i' and i.indisreplident)
),
-- Every type that a column is made of, each as deep as it must be created before what uses it.
used_types(oid, depth) as (
  select c.atttypid, 0 from columns c
  union
  select inner_type.oid, used_types.depth + 1
  from used_types
  join pg_catalog.pg_type t on t.oid = used_types.oid
  cross join lateral (
    select t.typelem as oid where t.typelem <> 0 and t.typlen = -1
    union all
    select t.typbasetype where t.typbasetype <> 0
    union all
    select a.atttypid from pg_catalog.pg_attribute a
    where a.attrelid = t.typrelid and t.typtype = 'c' and a.attnum > 0 and not a.attisdropped
    union all
    select r.rngsubtype from pg_catalog.pg_range r where r.rngtypid = t.oid
    union all
    select r.rngtypid from pg_catalog.pg_range r where r.rngmultitypid = t.oid
  ) inner_type
),
type_depths as (
  select oid, max(depth) as depth from used_types group by oid
),
own_types as (
  select t.*, n.nspname, d.depth
  from type_depths d
  join pg_catalog.pg_type t on t.oid = d.oid
  join pg_catalog.pg_namespace n on n.oid = t.typnamespace
  left join pg_catalog.pg_class c on c.oid = t.typrelid
  where n.nspname not in ('pg_catalog', 'information_schema')
    and (t.typtype in ('e', 'd', 'r') or (t.typtype = 'c' and c.relkind in ('c', 'r', 'p')))
    and not exists (select from pg_catalog.pg_depend e
                    where e.classid = 'pg_catalog.pg_type'::regclass and e.objid = t.oid
                      and e.deptype = 'e')
),
own_indexes as (
  select i.*, c.relname, c.relam, pg_catalog.pg_get_indexdef(i.indexrelid) as definition
  from tables
  join pg_catalog.pg_index i on i.indrelid = tables.oid and i.indisvalid
  join pg_catalog.pg_class c on c.oid = i.indexrelid
  where not c.relispartition
    and not exists (select from pg_catalog.pg_constraint o
                    where o.conindid = i.indexrelid and o.contype in ('p', 'u', 'x'))
),
-- A partition's inherited constraints come with its parent's.
own_constraints as (
  select o.*, pg_catalog.pg_get_constraintdef(o.oid) as definition
  from tables
  join pg_catalog.pg_class c on c.oid = tables.oid
  join pg_catalog.pg_constraint o on o.conrelid = tables.oid
  where (o.contype in ('p', 'u', 'c', 'x', 'f') or (o.contype = 'n' and not o.convalidated))
    and o.conparentid = 0
    and (o.conislocal or not c.relispartition)
),
-- A sequence that a column owns, or that only its default uses; once each.
own_sequences as (
  select distinct on (s.oid) s.oid, s.relname, n.nspname, used.table_oid, used.attnum
  from (
    select d.objid as sequence_oid, d.refobjid as table_oid, d.refobjsubid as attnum, 0 as rank
    from pg_catalog.pg_depend d
    where d.classid = 'pg_catalog.pg_class'::regclass
      and d.refclassid = 'pg_catalog.pg_class'::regclass and d.deptype in ('a', 'i')
      and d.refobjsubid > 0
    union all
    select d.refobjid, f.adrelid, f.adnum, 1
    from pg_catalog.pg_attrdef f
    join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_attrdef'::regclass
      and d.objid = f.oid and d.refclassid = 'pg_catalog.pg_class'::regclass
  ) used
  join tables on tables.oid = used.table_oid
  join pg_catalog.pg_class s on s.oid = used.sequence_oid and s.relkind = 'S'
  join pg_catalog.pg_namespace n on n.oid = s.relnamespace
  order by s.oid, used.rank, used.table_oid, used.attnum
),
-- What a rebuilt database needs that an extension may bring.
used_objects as (
  select 'pg_catalog.pg_type'::regclass::oid as classid, oid as objid from type_depths
  union
  select 'pg_catalog.pg_opclass'::regclass, class.oid
  from own_indexes i, unnest(i.indclass::oid[]) as class(oid)
  union
  select 'pg_catalog.pg_am'::regclass, i.relam from own_indexes i
  union
  select d.refclassid, d.refobjid
  from pg_catalog.pg_depend d
  where (d.classid = 'pg_catalog.pg_attrdef'::regclass
         and d.objid in (select f.oid from pg_catalog.pg_attrdef f
                         join tables on tables.oid = f.adrelid))
     or (d.classid = 'pg_catalog.pg_constraint'::regclass
         and d.objid in (select o.oid from own_constraints o))
     or (d.classid = 'pg_catalog.pg_class'::regclass
         and d.objid in (select i.indexrelid from own_indexes i))
),
own_extensions as (
  select distinct x.extname, n.nspname
  from used_objects u
  join pg_catalog.pg_depend e on e.classid = u.classid and e.objid = u.objid and e.deptype = 'e'
    and e.refclassid = 'pg_catalog.pg_extension'::regclass
  join pg_catalog.pg_extension x on x.oid = e.refobjid
  join pg_catalog.pg_namespace n on n.oid = x.extnamespace
),
own_schemas as (
  select n.nspname from tables
  join pg_catalog.pg_class c on c.oid = tables.oid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  union select nspname from own_types
  union select nspname from own_sequences
  union select nspname from own_extensions
),
type_documents as (
  select t.depth, t.nspname, t.typname,
    case t.typtype
      when 'e' then json_build_object(
        'oid', t.oid::bigint, 'schema', t.nspname, 'name', t.typname, 'kind', 'enum',
        'labels', coalesce((select json_agg(e.enumlabel order by e.enumsortorder)
                            from pg_catalog.pg_enum e where e.enumtypid = t.oid), '[]'))
      when 'd' then json_build_object(
        'oid', t.oid::bigint, 'schema', t.nspname, 'name', t.typname, 'kind', 'domain',
        'base', pg_catalog.format_type(t.typbasetype, t.typtypmod),
        'collation', (select format('%I.%I', cn.nspname, co.collname)
                      from pg_catalog.pg_type b
                      join pg_catalog.pg_collation co on co.oid = t.typcollation
                      join pg_catalog.pg_namespace cn on cn.oid = co.collnamespace
                      where b.oid = t.typbasetype and b.typcollation <> t.typcollation),
        'default', coalesce(pg_catalog.pg_get_expr(t.typdefaultbin, 0),
                            quote_literal(t.typdefault)),
        'not_null', t.typnotnull,
        'constraints', coalesce((
          select json_agg(json_build_object('name', o.conname, 'definition', o.definition)
                          order by o.conname)
          from (select c.conname, pg_catalog.pg_get_constraintdef(c.oid) as definition
                from pg_catalog.pg_constraint c
                where c.contypid = t.oid and c.contype = 'c') o
          where o.definition is not null), '[]'))
      when 'c' then json_build_object(
        'oid', t.oid::bigint, 'schema', t.nspname, 'name', t.typname, 'kind', 'composite',
        'attributes', coalesce((
          select json_agg(json_build_object(
                            'name', a.attname,
                            'type', pg_catalog.format_type(a.atttypid, a.atttypmod),
                            'collation', (select format('%I.%I', cn.nspname, co.collname)
                                          from pg_catalog.pg_collation co
                                          join pg_catalog.pg_namespace cn
                                            on cn.oid = co.collnamespace
                                          where co.oid = a.attcollation
                                            and a.attcollation <> i.typcollation))
                          order by a.attnum)
          from pg_catalog.pg_attribute a
          join pg_catalog.pg_type i on i.oid = a.atttypid
          where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped), '[]'))
      when 'r' then json_build_object(
        'oid', t.oid::bigint, 'schema', t.nspname, 'name', t.typname, 'kind', 'range',
        'subtype', (select pg_catalog.format_type(r.rngsubtype, null)
                    from pg_catalog.pg_range r where r.rngtypid = t.oid),
        'multirange', (select m.typname from pg_catalog.pg_range r
                       join pg_catalog.pg_type m on m.oid = r.rngmultitypid
                       where r.rngtypid = t.oid))
    end as document
  from own_types t
),
column_documents as (
  select a.attrelid, json_agg(json_build_object(
      'attnum', a.attnum,
      'name', a.attname,
      'since', a.since,
      'type', pg_catalog.format_type(a.atttypid, a.atttypmod),
      'type_oid', a.atttypid::bigint,
      'type_modifier', a.atttypmod,
      -- As a TYPE message names it: a domain goes by its base type.
      'stream_type', case when a.atttypid >= 10000 then (
        with recursive base(oid, typbasetype, typname, typnamespace) as (
          select t.oid, t.typbasetype, t.typname, t.typnamespace
          from pg_catalog.pg_type t where t.oid = a.atttypid
          union all
          select t.oid, t.typbasetype, t.typname, t.typnamespace
          from base join pg_catalog.pg_type t on t.oid = base.typbasetype
        )
        select json_build_object('schema', n.nspname, 'name', base.typname)
        from base join pg_catalog.pg_namespace n on n.oid = base.typnamespace
        where base.typbasetype = 0) end,
      'collation', (select format('%I.%I', cn.nspname, co.collname)
                    from pg_catalog.pg_collation co
                    join pg_catalog.pg_namespace cn on cn.oid = co.collnamespace
                    where co.oid = a.attcollation and a.attcollation <> a.typcollation),
      'not_null', a.not_null,
      'not_null_name', a.not_null_name,
      'default', (select pg_catalog.pg_get_expr(f.adbin, f.adrelid)
                  from pg_catalog.pg_attrdef f
                  where f.adrelid = a.attrelid and f.adnum = a.attnum),
      'identity', a.attidentity,
      'generated', a.attgenerated,
      'missing', (a.attmissingval::text::text[])[1]
    ) order by a.attnum) as document,
    jsonb_agg(a.attname order by a.attnum) filter (where a.attgenerated = '') as plain_names
  from columns a
  group by a.attrelid
),
-- For each table, what hangs on it.
key_documents as (
  select a.attrelid, json_agg(a.attname order by a.attnum) as document
  from columns a
  join pg_catalog.pg_class c on c.oid = a.attrelid
  left join identity_index i on i.table_oid = a.attrelid and a.attnum = any (i.indkey)
  where c.relreplident = 'f' or i.table_oid is not null
  group by a.attrelid
),
constraint_documents as (
  select o.conrelid, json_agg(json_build_object(
      'name', o.conname,
      'type', o.contype,
      'definition', o.definition,
      'columns', coalesce((
        select json_agg(a.attname order by k.position)
        from unnest(o.conkey) with ordinality as k(attnum, position)
        join pg_catalog.pg_attribute a on a.attrelid = o.conrelid and a.attnum = k.attnum), '[]'),
      'references', (
        select json_build_object('schema', fn.nspname, 'name', fc.relname)
        from pg_catalog.pg_class fc
        join pg_catalog.pg_namespace fn on fn.oid = fc.relnamespace
        where fc.oid = o.confrelid)
    ) order by o.conname) as document
  from own_constraints o
  where o.definition is not null
  group by o.conrelid
),
index_documents as (
  select i.indrelid, json_agg(json_build_object(
      'name', i.relname,
      'definition', i.definition,
      'replica_identity', i.indisreplident,
      'clustered', i.indisclustered
    ) order by i.relname) as document
  from own_indexes i
  where i.definition is not null
  group by i.indrelid
),
sequence_documents as (
  select s.table_oid, json_agg(json_build_object(
      'schema', s.nspname,
      'name', s.relname,
      'column', a.attname,
      'type', pg_catalog.format_type(q.seqtypid, null),
      'start', q.seqstart,
      'increment', q.seqincrement,
      'min', q.seqmin,
      'max', q.seqmax,
      'cache', q.seqcache,
      'cycle', q.seqcycle
    ) order by s.nspname, s.relname) as document
  from own_sequences s
  join pg_catalog.pg_sequence q on q.seqrelid = s.oid
  join pg_catalog.pg_attribute a on a.attrelid = s.table_oid and a.attnum = s.attnum
  group by s.table_oid
),
table_documents as (
  select n.nspname, c.relname,
    (select count(*) from pg_catalog.pg_partition_ancestors(c.oid)) as depth,
    json_build_object(
      'oid', c.oid::bigint,
      'schema', n.nspname,
      'name', c.relname,
      'kind', c.relkind,
      'published', tables.published,
      'persistence', c.relpersistence,
      'replica_identity', c.relreplident,
      'key_columns', coalesce(kd.document, '[]'),
      'partition_key', pg_catalog.pg_get_partkeydef(c.oid),
      'parent', (
        select json_build_object('schema', pn.nspname, 'name', pc.relname,
                                 'bound', pg_catalog.pg_get_expr(c.relpartbound, c.oid))
        from pg_catalog.pg_inherits h
        join pg_catalog.pg_class pc on pc.oid = h.inhparent
        join pg_catalog.pg_namespace pn on pn.oid = pc.relnamespace
        where h.inhrelid = c.oid and c.relispartition),
      'columns', coalesce(cd.document, '[]'),
      'row_filter', tables.row_filter,
      'published_columns', nullif(tables.published_columns, cd.plain_names),
      'constraints', coalesce(od.document, '[]'),
      'indexes', coalesce(id.document, '[]'),
      'sequences', coalesce(sd.document, '[]')
    ) as document
  from tables
  join pg_catalog.pg_class c on c.oid = tables.oid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  left join column_documents cd on cd.attrelid = c.oid
  left join key_documents kd on kd.attrelid = c.oid
  left join constraint_documents od on od.conrelid = c.oid
  left join index_documents id on id.indrelid = c.oid
  left join sequence_documents sd on sd.table_oid = c.oid
)
select json_build_object(
  'format', 1,
  'publication', $1::name,
  'server_version', current_setting('server_version_num')::int,
  'database', (select json_build_object('name', d.datname,
                                        'encoding', pg_catalog.pg_encoding_to_char(d.encoding),
                                        'collate', d.datcollate, 'ctype', d.datctype,
                                        'provider', to_jsonb(d) ->> 'datlocprovider',
                                        'locale', coalesce(to_jsonb(d) ->> 'datlocale',
                                                           to_jsonb(d) ->> 'daticulocale'),
                                        'icu_rules', to_jsonb(d) ->> 'daticurules')
               from pg_catalog.pg_database d where d.datname = current_database()),
  'all_tables', (select pg.puballtables from pg_catalog.pg_publication pg where pg.pubname = $1),
  'schemas', coalesce((select json_agg(nspname order by nspname) from own_schemas
                       where nspname not in ('pg_catalog', 'information_schema')), '[]'),
  'extensions', coalesce((select json_agg(json_build_object('name', extname, 'schema', nspname)
                                          order by nspname, extname) from own_extensions), '[]'),
  'types', coalesce((select json_agg(document order by depth desc, nspname, typname)
                     from type_documents), '[]'),
  'tables', coalesce((select json_agg(document order by depth, nspname, relname)
                      from table_documents), '[]')
)
$definition$;
