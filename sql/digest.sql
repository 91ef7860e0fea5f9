-- Digests of tables as they are, equal to what `trunkline digest` says of an archive (docs/digest.md):
--
--   select * from trunkline.digests('trunkline');    the published tables, as they are published
--   select trunkline.digest('public.orders');        one table, all columns but generated ones
--
-- Installed by source_setup.sql, or by itself: psql -d shop -f sql/digest.sql. Runs on Postgres 14 and
-- later, without extensions, with the caller's rights. All tables of one call are read in one snapshot.
create schema if not exists trunkline;

-- For each table of a publication, or for one relation where that is given, the query that yields its
-- number of rows and its digest. The daemon carries what is between the dollar quotes in its binary.
-- The queries need an empty search_path and the settings below, under which values print.
--
-- format('%L') calls the output function of a value's type, as a change stream does; a cast to text
-- does not print the same for boolean, character(n) and inet. It takes 100 arguments at most.
create or replace function trunkline.digest_queries(publication name, relation oid default null)
returns table (oid oid, schema_name name, table_name name, column_names name[], query text)
language sql stable
set search_path = ''
as $digest_queries$
with
asked as (
  select c.oid, to_jsonb(pt) ->> 'rowfilter' as row_filter,
         nullif(to_jsonb(pt) -> 'attnames', 'null') as listed
  from pg_catalog.pg_publication_tables pt
  join pg_catalog.pg_namespace n on n.nspname = pt.schemaname
  join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = pt.tablename
  where $2 is null and pt.pubname = $1
  union all
  select $2, null, null where $2 is not null
),
-- The view may name generated columns, which are not sent before Postgres 18.
columns as (
  select asked.oid, a.attnum, a.attname
  from asked
  join pg_catalog.pg_attribute a on a.attrelid = asked.oid and a.attnum > 0 and not a.attisdropped
  where case when asked.listed is null then a.attgenerated = ''
        else asked.listed ? a.attname::text
          and (a.attgenerated = '' or current_setting('server_version_num')::int >= 180000) end
),
groups as (
  select numbered.oid, (numbered.number - 1) / 90 as number,
         format('format(%L, %s)', repeat('%L,', count(*)::int),
                string_agg(format('t.%I', numbered.attname), ', ' order by numbered.number)) as text
  from (select columns.*,
               row_number() over (partition by columns.oid order by columns.attnum) as number
        from columns) numbered
  group by 1, 2
),
encodings as (
  select groups.oid, string_agg(groups.text, ' || ' order by groups.number) as text
  from groups group by groups.oid
)
select c.oid, n.nspname, c.relname,
       array(select columns.attname from columns where columns.oid = c.oid order by columns.attnum),
       format(
         'select count(*), %s || %s from (select (''x'' || encode(sha256(convert_to(%s, ''UTF8'')), '
         '''hex''))::bit(128) as hash from %s%I.%I t%s offset 0) row_hashes',
         lane.high, lane.low, coalesce(encodings.text, ''''''),
         case when c.relkind <> 'p' then 'only ' end, n.nspname, c.relname,
         ' where ' || asked.row_filter)
from asked
join pg_catalog.pg_class c on c.oid = asked.oid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
left join encodings on encodings.oid = c.oid
-- A sum of 64-bit numbers with a sign, modulo 2^64, as 16 hexadecimal digits.
cross join lateral (
  select format(sum_text, 1) as high, format(sum_text, 65) as low
  from (select 'lpad(to_hex((mod(mod(coalesce(sum(substring(hash from %s for 64)::bigint), 0) '
               '+ 9223372036854775808, 18446744073709551616) + 18446744073709551616, '
               '18446744073709551616) - 9223372036854775808)::bigint), 16, ''0'')') texts(sum_text)
) lane
order by n.nspname, c.relname
$digest_queries$;

create or replace function trunkline.digests(publication name)
returns table (digest text, row_count bigint, table_name text)
language plpgsql stable
set search_path = ''
set datestyle = 'ISO, MDY'
set intervalstyle = 'postgres'
set timezone = 'UTC'
set bytea_output = 'hex'
set extra_float_digits = 3
set lc_monetary = 'C'
set quote_all_identifiers = off
set row_security = off
as $$
declare
  asked record;
begin
  if not exists (select from pg_catalog.pg_publication p where p.pubname = publication) then
    raise exception 'the publication "%" does not exist', publication
      using errcode = 'undefined_object';
  end if;
  for asked in select q.* from trunkline.digest_queries(publication) q loop
    return query execute pg_catalog.format(
      'select counted.digest, counted.row_count, %L from (%s) counted(row_count, digest)',
      pg_catalog.format('%I.%I', asked.schema_name, asked.table_name), asked.query);
  end loop;
end
$$;

create or replace function trunkline.digest(relation regclass) returns text
language plpgsql stable strict
set search_path = ''
set datestyle = 'ISO, MDY'
set intervalstyle = 'postgres'
set timezone = 'UTC'
set bytea_output = 'hex'
set extra_float_digits = 3
set lc_monetary = 'C'
set quote_all_identifiers = off
set row_security = off
as $$
declare
  kind "char" := (select c.relkind from pg_catalog.pg_class c where c.oid = relation);
  row_count bigint;
  digest text;
begin
  if kind is null or kind not in ('r', 'p') then
    raise exception '% is not a table', relation using errcode = 'wrong_object_type';
  end if;
  execute (select q.query from trunkline.digest_queries(null, relation) q) into row_count, digest;
  return digest;
end
$$;

-- Whoever may read a table may have its digest.
grant usage on schema trunkline to public;
grant execute on function trunkline.digest_queries(name, oid), trunkline.digests(name),
  trunkline.digest(regclass) to public;
